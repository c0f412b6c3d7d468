"""Packages that are bound: on the stand-in in both runtimes, and what is refused where something is missing."""

import subprocess

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Scalar, Tensor, f32, kernel, tile
from htp_backend_pto.binding.calls import bits_of
from htp_backend_pto.binding.compilers import find_compiler
from htp_backend_pto.binding.device import gaps
from htp_backend_pto.binding.headers import including, with_precompiled
from htp_backend_pto.binding.runtime import ROOT, checkout
from htp_backend_pto.profile import CURRENT


@kernel
def scaled_sum(
    a: In[Tensor[f32, "M", "N"]], b: In[Tensor[f32, "M", "N"]], by: Scalar[f32], c: Out[Tensor[f32, "M", "N"]]
) -> None:
    """`c = (a + b) * by` in tiles of 16 x 32."""
    M, N = c.shape
    for i in range(0, M, 16):
        for j in range(0, N, 32):
            c[i : i + 16, j : j + 32] = (a[i : i + 16, j : j + 32] + b[i : i + 16, j : j + 32]) * by


@kernel
def softmax(x: In[Tensor[f32, "M", 40]], y: Out[Tensor[f32, "M", 40]]) -> None:
    """Softmax over rows."""
    for i in range(0, x.shape[0], 16):
        rows = x[i : i + 16, :]
        powers = tile.exp(rows - tile.max(rows, axis=1, keepdims=True))
        y[i : i + 16, :] = powers / tile.sum(powers, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return htp.compile_program(scaled_sum, target="pto:a2a3sim", out=str(tmp_path_factory.mktemp("sum") / "package"))


@pytest.mark.parametrize("toolchain", [None, "host-graph"])
@pytest.mark.parametrize("shape", [(16, 32), (1, 1), (17, 33), (40, 100), (0, 5), (3, 0)])
def test_tails_in_both_dims(package, toolchain, shape):
    exe = htp.bind(package, mode="sim", toolchain=toolchain)
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((2, *shape)).astype("f4")
    c = np.full(shape, np.nan, "f4")
    report = exe.run(a, b, 0.5, c, trace=True)
    np.testing.assert_array_equal(c, (a + b) * np.float32(0.5))
    tiles = -(-shape[0] // 16) * -(-shape[1] // 32)
    assert (report.mode, report.diagnostics) == ("sim", ())
    assert (len(report.graph.tasks), report.graph.edges) == (tiles, ())
    assert report.wall_seconds > 0


def test_softmax_against_float64(tmp_path):
    exe = htp.bind(htp.compile_program(softmax, target="pto:a2a3sim", out=str(tmp_path / "package")), mode="sim")
    x = np.random.default_rng(5).standard_normal((37, 40)).astype("f4") * 4
    y = np.empty_like(x)
    exe(x, y)
    powers = np.exp(x.astype("f8") - x.max(axis=1, keepdims=True))
    expected = powers / powers.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1.3e-6)  # four times what was measured


def test_arguments_are_checked_and_named(package):
    exe = htp.bind(package, mode="sim")
    a = np.ones((4, 4), "f4")
    exe(a=a, b=a, by=2.0, c=(c := np.empty((4, 4), "f4")))
    assert (c == 4).all()
    with pytest.raises(Refused) as caught:
        exe(a, a, 2.0, np.empty((4, 5), "f4"))
    assert caught.value.code == "run.dim-mismatch"


def test_scalars_are_bits():
    """IEEE 754: 1.5 is sign 0, exponent 127, fraction 1000…; two's complement for integers."""
    assert bits_of(1.5, "f32") == 0x3FC00000
    assert bits_of(-1, "i32") == 0xFFFFFFFF
    assert bits_of(-1, "i64") == 0xFFFFFFFFFFFFFFFF
    assert bits_of(1.5, "bf16") == 0x3FC00000
    assert bits_of(True, "bool_") == 1


def test_a_device_needs_cann(package, monkeypatch):
    monkeypatch.delenv("ASCEND_HOME_PATH", raising=False)
    with pytest.raises(Refused) as caught:
        htp.bind(package, mode="device")
    assert caught.value.code == "pto.no-device"
    assert "ASCEND_HOME_PATH is not set" in caught.value.diagnostic.notes
    assert any('mode="sim"' in each for each in caught.value.diagnostic.help)


def test_what_is_there_of_cann_is_not_missed(tmp_path):
    for tool in ("bin/ccec", "bin/ld.lld"):
        (tmp_path / tool).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / tool).write_text("")
    found = gaps({"ASCEND_HOME_PATH": str(tmp_path)})
    assert not any("ccec" in each or "ld.lld" in each or "is not set" in each for each in found)
    assert any("aarch64 g++" in each for each in found)


def test_the_real_simulator_needs_a_checkout(package, monkeypatch):
    monkeypatch.delenv(ROOT, raising=False)
    with pytest.raises(Refused) as caught:
        htp.bind(package, mode="sim", toolchain="pto-runtime")
    assert caught.value.code == "pto.no-toolchain"
    with pytest.raises(Refused) as caught:
        checkout()
    assert caught.value.code == "pto.no-toolchain"


def test_another_version_is_refused():
    with pytest.raises(Refused) as caught:
        CURRENT.expect("runtime", "0" * 40)
    assert caught.value.code == "pto.toolchain-mismatch"
    CURRENT.expect("runtime", CURRENT.runtime_commit)


def test_an_unknown_toolchain_is_named(package):
    with pytest.raises(Refused) as caught:
        htp.bind(package, mode="sim", toolchain="abacus")
    assert caught.value.code == "bind.no-toolchain"
    assert "pto-runtime" in " ".join(caught.value.diagnostic.notes)


@pytest.mark.parametrize("toolchain", ["pto-runtime", "pto-runtime-host-graph"])
def test_the_real_simulator_computes_the_same(package, toolchain):
    try:
        checkout()
    except Refused:
        pytest.skip("needs a built checkout of pto-runtime in HTP_PTO_RUNTIME_ROOT")
    a, b = np.random.default_rng(7).standard_normal((2, 17, 33)).astype("f4")
    c = np.full((17, 33), np.nan, "f4")
    report = htp.bind(package, mode="sim", toolchain=toolchain).run(a, b, 0.5, c, trace=True)
    np.testing.assert_array_equal(c, (a + b) * np.float32(0.5))
    assert len(report.graph.tasks) == 4


def test_headers_are_parsed_once_for_all_kernels(tmp_path):
    """`-H` marks what the compiler took from a precompiled file with an exclamation mark."""
    compiler = find_compiler()
    if "clang" in compiler.version or "zig" in compiler.name:
        pytest.skip("g++ writes such files")
    flags = with_precompiled((*CURRENT.standin_flags, "-D__DAV_VEC__"), CURRENT.kernel_headers)
    (tmp_path / "kernel.cpp").write_text("".join(f"#include {each}\n" for each in CURRENT.kernel_headers))
    command = [*compiler.command, *flags, including(), "-H", "-c", "kernel.cpp"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stderr
    assert any(line.startswith("!") and line.endswith(".gch") for line in said.splitlines())
