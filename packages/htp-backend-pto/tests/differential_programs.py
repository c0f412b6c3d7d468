"""The programs that the stand-in and pto-runtime's simulator are compared on, with small inputs and float64 results.

Knows programs and numbers; `differential` runs them.
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from math import pi, sqrt
from pathlib import Path

import ml_dtypes
import numpy as np

from htp import In, Out, Tensor, bf16, f16, f32, kernel, tile

EXAMPLES = Path(__file__).parents[3] / "examples"
SINGLE, HALF = 2e-5, 4e-3
"""Errors relative to the largest result that are allowed: sums of a few hundred numbers in f32; f16 in between."""


@dataclass(frozen=True)
class Case:
    """A program with arguments: what goes in, what is to come out, and how far off that may be."""

    name: str
    definition: object
    inputs: tuple[object, ...]
    expected: np.ndarray
    tolerance: float = SINGLE
    dtype: object = np.float32
    dims: dict[str, int] = field(default_factory=dict)
    schedule: object = None


@kernel
def vector_add(a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "M", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Tiles of 16 x 32 with tails in both dimensions."""
    for i in range(0, c.shape[0], 16):
        for j in range(0, c.shape[1], 32):
            c[i : i + 16, j : j + 32] = a[i : i + 16, j : j + 32] + b[i : i + 16, j : j + 32]


@kernel
def gelu(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """In its tanh form."""
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 64):
            y[i : i + 16, j : j + 64] = tile.gelu(x[i : i + 16, j : j + 64], approximate="tanh")


@kernel
def swiglu(gate: In[Tensor[f32, "M", "N"]], up: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """`silu(gate) * up`."""
    for i in range(0, y.shape[0], 16):
        for j in range(0, y.shape[1], 64):
            y[i : i + 16, j : j + 64] = tile.silu(gate[i : i + 16, j : j + 64]) * up[i : i + 16, j : j + 64]


@kernel
def layernorm(
    x: In[Tensor[f32, "M", 80]], gain: In[Tensor[f32, 80]], bias: In[Tensor[f32, 80]], y: Out[Tensor[f32, "M", 80]]
) -> None:
    """Rows without their mean, by their deviation."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, :]
        centred = rows - tile.mean(rows, axis=1, keepdims=True)
        spread = tile.mean(centred * centred, axis=1, keepdims=True)
        y[i : i + 16, :] = centred * tile.rsqrt(spread + 1e-5) * gain + bias


@kernel
def gemm_f16(a: In[Tensor[f16, "M", "K"]], b: In[Tensor[f16, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """A K loop; tails everywhere."""
    for i in range(0, c.shape[0], 32):
        for j in range(0, c.shape[1], 32):
            acc = tile.zeros((min(32, c.shape[0] - i), min(32, c.shape[1] - j)), f32)
            for k in range(0, a.shape[1], 32):
                acc += a[i : i + 32, k : k + 32] @ b[k : k + 32, j : j + 32]
            c[i : i + 32, j : j + 32] = acc


@kernel
def gemm_f32(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """The same in f32."""
    for i in range(0, c.shape[0], 32):
        for j in range(0, c.shape[1], 32):
            acc = tile.zeros((min(32, c.shape[0] - i), min(32, c.shape[1] - j)), f32)
            for k in range(0, a.shape[1], 32):
                acc += a[i : i + 32, k : k + 32] @ b[k : k + 32, j : j + 32]
            c[i : i + 32, j : j + 32] = acc


@kernel
def gemm_bf16(a: In[Tensor[bf16, "M", "K"]], b: In[Tensor[bf16, "K", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """The same in bf16."""
    for i in range(0, c.shape[0], 32):
        for j in range(0, c.shape[1], 32):
            acc = tile.zeros((min(32, c.shape[0] - i), min(32, c.shape[1] - j)), f32)
            for k in range(0, a.shape[1], 32):
                acc += a[i : i + 32, k : k + 32] @ b[k : k + 32, j : j + 32]
            c[i : i + 32, j : j + 32] = acc


def module(path: str) -> object:
    """One of the example programs of the repository."""
    spec = importlib.util.spec_from_file_location(f"pto_example_{path.replace('/', '_')[:-3]}", EXAMPLES / path)
    found = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(spec.name, found)
    spec.loader.exec_module(found)
    return found


def numbers(*shape: int, seed: int = 0, dtype: object = np.float32, by: float = 1.0) -> np.ndarray:
    """Normally distributed."""
    return (np.random.default_rng([seed, *shape]).standard_normal(shape) * by).astype(dtype)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    """In float64."""
    return [each.astype(np.float64) for each in arrays]


def _elementwise(name: str) -> Case:
    x, up = numbers(17, 75), numbers(17, 75, seed=1)
    u, v = wide(x, up)
    if name == "vector_add":
        return Case(name, vector_add, (x, up), u + v)
    if name == "gelu":
        return Case(name, gelu, (x,), 0.5 * u * (1.0 + np.tanh(sqrt(2.0 / pi) * (u + 0.044715 * u**3))))
    return Case(name, swiglu, (x, up), u / (1.0 + np.exp(-u)) * v)


def _norm(name: str) -> Case:
    x, gain, bias = numbers(35, 80, by=2.0), numbers(80, seed=1), numbers(80, seed=2)
    if name == "layernorm":
        u, g, b = wide(x, gain, bias)
        centred = u - u.mean(axis=1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * g + b
        return Case(name, layernorm, (x, gain, bias), expected)
    example = module(f"{name}.py")
    inputs = (x,) if name == "softmax" else (x, gain)
    return Case(name, getattr(example, name), inputs, example.numpy_reference(*wide(*inputs)), dims={"N": 80})


def _gemm(name: str) -> Case:
    if name == "gemm_epilogue":
        example = module("gemm.py")
        inputs = numbers(70, 40), numbers(40, 50, by=0.15), numbers(50)
        return Case(name, example.gemm, inputs, example.numpy_reference(*wide(*inputs)))
    dtype = {"f16": np.float16, "f32": np.float32, "bf16": ml_dtypes.bfloat16}[name[5:]]
    a, b = numbers(40, 72, dtype=dtype), numbers(72, 50, dtype=dtype)
    return Case(name, {"f16": gemm_f16, "f32": gemm_f32, "bf16": gemm_bf16}[name[5:]], (a, b), np.matmul(*wide(a, b)))


def _bgemm(name: str) -> Case:
    example, chosen = module("workloads/bgemm.py"), name.partition(":")[2]
    a, b = numbers(2, 40, 72, dtype=np.float16), numbers(2, 72, 70, dtype=np.float16)
    schedule = getattr(example, chosen) if chosen else None
    return Case(name, example.bgemm, (a, b), example.golden(a, b), schedule=schedule)


def _attention(name: str) -> Case:
    q, k, v = (numbers(1, 1, 70, 16, seed=each) for each in range(3))
    if name == "attention":
        example = module("attention.py")
        return Case(
            name, example.attention, (q, k, v, 0.25), example.numpy_reference(*wide(q, k, v), 0.25), dims={"D": 16}
        )
    example = module("workloads/flash_attention.py")
    q, k, v = (numbers(1, 2, 100, 32, seed=each, dtype=np.float16) for each in range(3))
    meant = example.causal_golden if name == "causal_attention" else example.golden
    definition = example.attention if name == "flash_attention" else getattr(example, name)
    expected = meant(q, k, v, 0.25)
    return Case(name, definition, (q, k, v, 0.25), expected, HALF, np.float16, {"D": 32})


def _softmax_vocab(name: str) -> Case:
    example, chosen = module("workloads/softmax_vocab.py"), name.partition(":")[2]
    x = numbers(20, 200, by=4.0)
    schedule = getattr(example, chosen) if chosen else None
    return Case(name, example.softmax_vocab, (x,), example.golden(x), schedule=schedule)


def _paged(name: str) -> Case:
    example = module("workloads/paged_decode.py")
    inputs = example.inputs(lengths=(17, 64, 130, 1))
    return Case(
        name,
        example.paged_decode,
        inputs,
        example.golden(*inputs),
        HALF,
        np.float16,
        {"D": 64, "page": 16, "H": 8, "G": 2},
    )


def _moe(name: str) -> Case:
    example = module("workloads/moe.py")
    T, H, F, E = 20, 32, 48, 4
    inputs = (
        numbers(T, H, dtype=np.float16),
        *(
            numbers(*shape, dtype=np.float16, by=shape[-2] ** -0.5)
            for shape in ((H, E), (E, H, F), (E, H, F), (E, F, H))
        ),
    )
    sizes = {"H": H, "F": F, "E": E, "T": T}
    return Case(name, example.moe, inputs, example.golden(*inputs), HALF, np.float16, sizes)


def _llama(name: str) -> Case:
    example = module("workloads/llama_block.py")
    S, D, M, F, d = 40, 64, 32, 96, 16
    shapes = (D, D), (D, M), (D, M), (D, D), (D, F), (D, F), (F, D)
    q, k, v, o, gate, up, down = (numbers(*each, dtype=np.float16, by=each[0] ** -0.5) for each in shapes)
    gains = [(1.0 + 0.1 * numbers(D, seed=each)).astype(np.float16) for each in (5, 6)]
    angles = np.arange(S)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    turns = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    x = numbers(S, D, dtype=np.float16)
    inputs = (x, gains[0], q, k, v, o, gains[1], gate, up, down, *turns, d**-0.5)
    sizes = {"D": D, "N": D, "M": M, "F": F, "half": d // 2}
    return Case(name, example.llama_block, inputs, example.golden(*inputs), HALF, np.float16, sizes)


def _mlp(name: str) -> Case:
    example = module("mlp_routine.py")
    inputs = numbers(300, 32), numbers(32, 64, by=0.2), numbers(64), numbers(64, 32, by=0.15), numbers(32)
    return Case(name, example.mlp, inputs, example.numpy_reference(*wide(*inputs)), dims={"D": 32, "F": 64})


def _network(name: str) -> Case:
    if name == "squares":
        example = module("networks/pipeline.py")
        x = numbers(50, 64)
        return Case(name, example.squares, (x,), example.golden(x))
    example = module("networks/gemm.py")
    a, b = numbers(64, 128, dtype=np.float16), numbers(128, 64, dtype=np.float16)
    return Case(name, example.gemm, (a, b), example.golden(a, b))


CASES: dict[str, Callable[[str], Case]] = {
    **dict.fromkeys(("vector_add", "gelu", "swiglu"), _elementwise),
    **dict.fromkeys(("softmax", "rmsnorm", "layernorm"), _norm),
    **dict.fromkeys(("gemm_f16", "gemm_f32", "gemm_bf16", "gemm_epilogue"), _gemm),
    **dict.fromkeys(("bgemm", "bgemm:in_turn", "bgemm:by_rows", "bgemm:by_columns", "bgemm:split_k"), _bgemm),
    **dict.fromkeys(("attention", "flash_attention", "causal_attention", "fused_attention"), _attention),
    **dict.fromkeys(("softmax_vocab", "softmax_vocab:in_strips", "softmax_vocab:streamed"), _softmax_vocab),
    "mlp": _mlp,
    "moe": _moe,
    "paged_decode": _paged,
    "llama_block": _llama,
    **dict.fromkeys(("squares", "network_gemm"), _network),
}
"""Every program by its name, made when it is wanted; a schedule stands behind a colon."""


def case(name: str) -> Case:
    """The program of that name."""
    return CASES[name](name)
