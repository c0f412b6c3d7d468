"""Programs that the language refuses: dtypes, shapes, outputs, and Python that no kernel has."""

from __future__ import annotations

from combination_kit import COPY, Case, source

CASES: dict[int, Case] = {
    25: Case(
        "type.dtype-mismatch",
        source("""
            @kernel
            def f(x: In[Tensor[f16, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
                z[:] = x[:] + y[:]
        """),
        source("""
            @kernel
            def f(x: In[Tensor[f16, "N"]], y: In[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]]) -> None:
                z[:] = x[:].astype(f32) + y[:]
        """),
        ("f16", "f32", ".astype("),
        line="z[:] = x[:] + y[:]",
    ),
    26: Case(
        "type.shape-mismatch",
        source("""
            @kernel
            def f(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "M", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
                c[:] = a[:, :] @ b[:, :]
        """),
        source("""
            @kernel
            def f(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
                c[:] = a[:, :] @ b[:, :]
        """),
        ("K", "M"),
        line="c[:] = a[:, :] @ b[:, :]",
    ),
    27: Case(
        "type.out-partly-written",
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                N = x.shape[0]
                y[1:N] = x[1:N]
        """),
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                N = x.shape[0]
                y[0:N] = x[0:N]
        """),
        ("`y`", "starts at 1", "InOut"),
        line="y[1:N] = x[1:N]",
    ),
    33: Case(
        "capture.unsupported-syntax",
        source("""
            @kernel
            def f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
                y[:] = [each for each in x]
        """),
        source(COPY),
        ("comprehension",),
        line="y[:] = [each for each in x]",
    ),
}
