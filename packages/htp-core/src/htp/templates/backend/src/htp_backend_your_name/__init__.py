"""HTP for `your-name`: elementwise f32 kernels as C, built by the C compiler at hand and called through ctypes."""
