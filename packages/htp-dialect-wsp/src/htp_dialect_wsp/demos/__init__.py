"""The programs that `htp demo wsp` compiles: each file stands alone and is copied in `examples/workloads/`.

Knows nothing of the compiler; `htp_dialect_wsp.demo` compiles, runs and times what is here.
"""
