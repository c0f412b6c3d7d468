"""The programs that the stand-in and pto-runtime's simulator are compared on, with small inputs and float64 results.

Knows arguments and results of programs; `differential` runs them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import pi, sqrt

import differential_kernels as kernels
import ml_dtypes
import numpy as np
import test_predicates
from differential_examples import example
from differential_operations import operations

from htp import bf16, f16, f32, i32

SINGLE, HALF = 2e-5, 4e-3
"""Errors relative to the largest result that are allowed: sums of a few hundred numbers in f32; f16 in between."""


@dataclass(frozen=True)
class Case:
    """A program with arguments: what goes in, what is to come out, and how far off that may be."""

    name: str
    definition: object
    inputs: tuple[object, ...]
    expected: tuple[np.ndarray, ...]
    tolerance: float = SINGLE
    dtypes: tuple[object, ...] = (np.float32,)
    dims: dict[str, int] = field(default_factory=dict)
    schedule: object = None
    given: tuple[np.ndarray, ...] = ()
    """What the outputs hold before, where the program looks at that."""
    pins: tuple[str, ...] = ()

    @property
    def outputs(self) -> tuple[np.ndarray, ...]:
        """The outputs before the run."""
        blank = (np.full(each.shape, np.nan, dtype) for each, dtype in zip(self.expected, self.dtypes, strict=False))
        return self.given or tuple(blank)


def numbers(*shape: int, seed: int = 0, dtype: object = np.float32, by: float = 1.0) -> np.ndarray:
    """Normally distributed."""
    return (np.random.default_rng([seed, *shape]).standard_normal(shape) * by).astype(dtype)


def wide(*arrays: np.ndarray) -> list[np.ndarray]:
    """In float64."""
    return [each.astype(np.float64) for each in arrays]


def _elementwise(name: str) -> Case:
    x, up = numbers(17, 75), numbers(17, 75, seed=1)
    u, v = wide(x, up)
    if name == "where":
        half = up.astype(np.float16)
        chosen = np.where(x > 0.5, u * 2, -u), np.where(x > 0.5, half, -half).astype(np.float64)
        return Case(name, kernels.where, (x, half), chosen, dtypes=(np.float32, np.float16))
    inputs, expected = {
        "vector_add": ((x, up), u + v),
        "gelu": ((x,), 0.5 * u * (1.0 + np.tanh(sqrt(2.0 / pi) * (u + 0.044715 * u**3)))),
        "swiglu": ((x, up), u / (1.0 + np.exp(-u)) * v),
    }[name]
    return Case(name, getattr(kernels, name), inputs, (expected,))


def _norm(name: str) -> Case:
    x, gain, bias = numbers(35, 80, by=2.0), numbers(80, seed=1), numbers(80, seed=2)
    if name == "layernorm":
        u, g, b = wide(x, gain, bias)
        centred = u - u.mean(axis=1, keepdims=True)
        expected = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5) * g + b
        return Case(name, kernels.layernorm, (x, gain, bias), (expected,))
    inputs = (x,) if name == "softmax" else (x, gain)
    expected = example(f"{name}.py").numpy_reference(*wide(*inputs))
    return Case(name, getattr(example(f"{name}.py"), name), inputs, (expected,), dims={"N": 80})


def _gemm(name: str) -> Case:
    if name == "gemm_epilogue":
        found = example("gemm.py")
        inputs = numbers(70, 40), numbers(40, 50, by=0.15), numbers(50)
        return Case(name, found.gemm, inputs, (found.numpy_reference(*wide(*inputs)),))
    dtype, element = {
        "gemm_f16": (f16, np.float16), "gemm_f32": (f32, np.float32), "gemm_bf16": (bf16, ml_dtypes.bfloat16),
    }[name]  # fmt: skip
    a, b = numbers(40, 72, dtype=element), numbers(72, 50, dtype=element)
    return Case(name, kernels.product_of(dtype), (a, b), (np.matmul(*wide(a, b)),))


def _scheduled(name: str) -> Case:
    """A workload with the schedule of that name behind the colon."""
    own, _, chosen = name.partition(":")
    found = example(f"workloads/{own}.py")
    halves = numbers(2, 40, 72, dtype=np.float16), numbers(2, 72, 70, dtype=np.float16)
    inputs = halves if own == "bgemm" else (numbers(20, 200, by=4.0),)
    schedule = getattr(found, chosen) if chosen else None
    return Case(name, getattr(found, own), inputs, (found.golden(*inputs),), schedule=schedule)


def _attention(name: str) -> Case:
    if name == "attention":
        found = example("attention.py")
        q, k, v = (numbers(1, 1, 70, 16, seed=each) for each in range(3))
        expected = found.numpy_reference(*wide(q, k, v), 0.25)
        return Case(name, found.attention, (q, k, v, 0.25), (expected,), dims={"D": 16})
    found = example("workloads/flash_attention.py")
    q, k, v = (numbers(1, 2, 100, 32, seed=each, dtype=np.float16) for each in range(3))
    meant = found.causal_golden if name == "causal_attention" else found.golden
    definition = found.attention if name == "flash_attention" else getattr(found, name)
    return Case(name, definition, (q, k, v, 0.25), (meant(q, k, v, 0.25),), HALF, (np.float16,), {"D": 32})


def _paged(name: str) -> Case:
    found = example("workloads/paged_decode.py")
    inputs = found.inputs(lengths=(17, 64, 130, 1))
    sizes = {"D": 64, "page": 16, "H": 8, "G": 2}
    return Case(name, found.paged_decode, inputs, (found.golden(*inputs),), HALF, (np.float16,), sizes)


def _moe(name: str) -> Case:
    found = example("workloads/moe.py")
    T, H, F, E = 20, 32, 48, 4
    shapes = (H, E), (E, H, F), (E, H, F), (E, F, H)
    weights = (numbers(*shape, dtype=np.float16, by=shape[-2] ** -0.5) for shape in shapes)
    inputs = numbers(T, H, dtype=np.float16), *weights
    expected = (found.golden(*inputs),)
    sizes = {"H": H, "F": F, "E": E, "T": T}
    if name == "moe":
        return Case(name, found.moe, inputs, expected, HALF, (np.float16,), sizes)
    blank = (np.zeros((T, H), np.float32),)
    return Case(name, kernels.moe_by_tiles, inputs, expected, HALF, dims=sizes, given=blank)


def _llama(name: str) -> Case:
    found = example("workloads/llama_block.py")
    S, D, M, F, d = 40, 64, 32, 96, 16
    shapes = (D, D), (D, M), (D, M), (D, D), (D, F), (D, F), (F, D)
    q, k, v, o, gate, up, down = (numbers(*each, dtype=np.float16, by=each[0] ** -0.5) for each in shapes)
    gains = [(1.0 + 0.1 * numbers(D, seed=each)).astype(np.float16) for each in (5, 6)]
    angles = np.arange(S)[:, None] * 10000.0 ** (-np.arange(0, d, 2) / d)
    turns = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    x = numbers(S, D, dtype=np.float16)
    inputs = (x, gains[0], q, k, v, o, gains[1], gate, up, down, *turns, d**-0.5)
    sizes = {"D": D, "N": D, "M": M, "F": F, "half": d // 2}
    return Case(name, found.llama_block, inputs, (found.golden(*inputs),), HALF, (np.float16,), sizes)


def _mlp(name: str) -> Case:
    found = example("mlp_routine.py")
    inputs = numbers(300, 32), numbers(32, 64, by=0.2), numbers(64), numbers(64, 32, by=0.15), numbers(32)
    return Case(name, found.mlp, inputs, (found.numpy_reference(*wide(*inputs)),), dims={"D": 32, "F": 64})


def _predicates(name: str) -> Case:
    x, b, y = test_predicates.arrays()
    wanted = test_predicates.expected(*wide(x, b), 1, *wide(y))
    blank = np.full_like(y, np.nan)
    return Case(name, test_predicates.chosen, (x, b, 1), (wanted, 2 * wanted), dims={"M": 40}, given=(y, blank))


def _network(name: str) -> Case:
    path, entry = {
        "squares": ("pipeline", "squares"), "network_gemm": ("gemm", "gemm"), "multirate": ("multirate", "sums"),
        "network_attention": ("attention", "attend"), "feedback": ("feedback", "smooth"),
    }[name]  # fmt: skip
    found = example(f"networks/{path}.py")
    inputs = found.inputs()
    if name == "network_gemm":
        inputs = numbers(64, 128, dtype=np.float16), numbers(128, 64, dtype=np.float16)
    if name == "network_attention":
        q, k, v = (each[:1, :128] for each in inputs)
        expected = found.golden(q[:, :64], k, v)[0]
        return Case(name, found.attend, (q[0, :64], k[0], v[0]), (expected,), HALF)
    return Case(name, getattr(found, entry), inputs, (found.golden(*inputs),))


def _cluster(name: str) -> Case:
    """A network in one task for a cluster: one way, and there and back in a loop of tasks."""
    found, pins = example("networks/cluster.py"), ("pto.cluster",)
    if name == "cluster_linear":
        inputs = found.inputs()
        return Case(name, found.linear, inputs, (found.golden(*inputs),), pins=pins)
    inputs = found.attention_inputs()
    return Case(name, found.attention, inputs, (found.attention_golden(*inputs),), HALF, pins=pins)


def _blocks(name: str) -> Case:
    a, b = numbers(64, 64, dtype=np.float16, by=0.125), numbers(64, 96, dtype=np.float16)
    t = np.matmul(*wide(a, b))
    chosen = name.partition(":")[2]
    schedule = getattr(kernels, chosen) if chosen else None
    expected = t, np.maximum(t, 0.0)
    return Case(name, kernels.blocks, (a, b), expected, dtypes=(np.float32, np.float32), schedule=schedule)


def _operations(name: str) -> Case:
    dtype = {"operations_f32": f32, "operations_i32": i32}[name]
    definition, inputs, expected = operations(dtype)
    blank = tuple(np.zeros_like(each) for each in expected)
    return Case(name, definition, tuple(inputs), tuple(expected), SINGLE if dtype is f32 else 0.0, given=blank)


CASES: dict[str, Callable[[str], Case]] = {
    **dict.fromkeys(("vector_add", "gelu", "swiglu", "where"), _elementwise),
    **dict.fromkeys(("softmax", "rmsnorm", "layernorm"), _norm),
    **dict.fromkeys(("gemm_f16", "gemm_f32", "gemm_bf16", "gemm_epilogue"), _gemm),
    **dict.fromkeys(("bgemm", "bgemm:in_turn", "bgemm:by_rows", "bgemm:by_columns", "bgemm:split_k"), _scheduled),
    **dict.fromkeys(("softmax_vocab", "softmax_vocab:in_strips", "softmax_vocab:streamed"), _scheduled),
    **dict.fromkeys(("attention", "flash_attention", "causal_attention", "fused_attention"), _attention),
    "mlp": _mlp,
    **dict.fromkeys(("moe", "moe_by_tiles"), _moe),
    "paged_decode": _paged,
    "llama_block": _llama,
    "predicates": _predicates,
    **dict.fromkeys(("blocks", "blocks:bound", "blocks:mapped"), _blocks),
    **dict.fromkeys(("cluster_linear", "cluster_attention"), _cluster),
    **dict.fromkeys(("operations_f32", "operations_i32"), _operations),
    **dict.fromkeys(("squares", "network_gemm", "network_attention", "multirate", "feedback"), _network),
}
"""Every program by its name, made when it is wanted; a schedule stands behind a colon."""


def case(name: str) -> Case:
    """The program of that name."""
    return CASES[name](name)
