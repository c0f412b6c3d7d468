"""HTP for Ascend NPUs: kernels and orchestration for pto-isa and pto-runtime."""
