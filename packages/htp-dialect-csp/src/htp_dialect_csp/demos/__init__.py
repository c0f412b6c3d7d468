"""The programs that `htp demo csp` compiles: each file stands alone and is copied in `examples/networks/`.

Knows nothing of the compiler; `htp_dialect_csp.demo` compiles, runs and times what is here.
"""
