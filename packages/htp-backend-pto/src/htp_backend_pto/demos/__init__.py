"""The programs that `htp demo pto` compiles: each file stands alone and is copied in the repository's `examples/`.

Knows nothing of the compiler; `htp_backend_pto.demo` compiles and runs what is here.
"""
