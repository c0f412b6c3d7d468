"""The programs that `htp demo` compiles: each file stands alone and is copied in the repository's `examples/`.

Knows nothing of the compiler; `htp_backend_cpu.demo` compiles, runs and times what is here.
"""
