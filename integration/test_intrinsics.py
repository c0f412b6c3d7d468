"""Intrinsics without a handler, compiled for the CPU: the built package gives what the NumPy body gives."""

import numpy as np
import pytest
from lent import FOO, X, installed, removed, session

import htp
from htp import In, Out, Scalar, Tensor, f32, kernel
from htp.capabilities import IntrinsicUse
from htp.diagnostics import Refused
from htp.session import use_session

SHAPES = [(4, 8), (5, 37), (1, 1), (67, 129), (3, 16), (0, 4), (2, 1)]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    installed(tmp_path, monkeypatch)
    with use_session(session(FOO, X)) as found:
        yield found
    removed()


@pytest.fixture
def built(tmp_path, here):
    def build(definition):
        return htp.bind(htp.compile_program(definition, target="cpu", out=tmp_path / definition.name))

    return build


@pytest.fixture
def arrays():
    rng = np.random.default_rng(20)

    def made(shape, count, extreme=False):
        values = rng.standard_normal((count, *shape)).astype(np.float32)
        if extreme and values.size:
            flat = values.reshape(count, -1)
            specials = np.array([np.inf, -np.inf, np.nan, 3.4e38, -0.0, 1e-45], np.float32)
            places = rng.integers(0, flat.shape[1], (count, 6))
            for row, place in zip(flat, places, strict=True):
                row[place] = specials
        return list(values)

    return made


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=2e-6, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("extreme", [False, True], ids=["random", "extreme"])
def test_expanded_intrinsics_give_what_their_bodies_give(built, extreme, arrays):
    from htp_foo import foo

    @kernel
    def mixed(
        a: In[Tensor[f32, "M", "N"]],
        b: In[Tensor[f32, "M", "N"]],
        s: Scalar[f32],
        o: Out[Tensor[f32, "M", "N"]],
        m: Out[Tensor[f32, "M", 1]],
    ) -> None:
        t = foo.axpy(s, a[:] * 2, b, factor=0.1)
        m[:] = foo.rowmax(t)
        o[:] = foo.fma(t, b, a) + foo.edge(a, n=1, mode="last")

    run = built(mixed)
    for shape in SHAPES:
        a, b = arrays(shape, 2, extreme)
        wanted = [np.zeros(shape, np.float32), np.zeros((shape[0], 1), np.float32)]
        got = [each + 7 for each in wanted]
        with np.errstate(all="ignore"):
            mixed(a, b, 0.1, *wanted)
            run(a, b, 0.1, *got)
        for one, two in zip(got, wanted, strict=True):
            close(one, two)


def test_slices_loops_and_tails(built, arrays):
    from htp_foo import foo

    @kernel
    def tiled(a: In[Tensor[f32, "M", "N"]], o: Out[Tensor[f32, "M", "N"]]) -> None:
        for i in range(0, a.shape[0], 4):
            block = a[i : i + 4, :]
            o[i : i + 4, :] = foo.fma(block, block, a[i : i + 4, :]) - foo.rowmax(block)

    run = built(tiled)
    for shape in SHAPES:
        (a,) = arrays(shape, 1)
        wanted, got = np.zeros(shape, np.float32), np.full(shape, 7, np.float32)
        tiled(a, wanted)
        run(a, got)
        close(got, wanted)


def test_a_dialect_and_a_set_in_one_program(built, arrays):
    from htp_dialect_x import blocks, workload
    from htp_foo import foo

    @kernel
    def centred(a: In[Tensor[f32, "m", "N"]], o: Out[Tensor[f32, "m", "N"]]) -> None:
        o[:] = a[:] - foo.rowmax(a)

    @workload
    def rows(a: In[Tensor[f32, "M", "N"]], o: Out[Tensor[f32, "M", "N"]]) -> None:
        for i in blocks(a.shape[0], 4):
            centred(a[i : i + 4, :], o[i : i + 4, :])

    names = [each.name for each in htp.plan(rows).passes]
    assert names.index("x.lower") < names.index("annotate") < names.index("expand") < names.index("normalize")
    run = built(rows)
    (a,) = arrays((10, 7), 1)
    got = np.full((10, 7), 7, np.float32)
    run(a, got)
    np.testing.assert_array_equal(got, a - a.max(axis=1, keepdims=True))


def test_the_package_says_which_intrinsics_it_uses_and_its_stages_name_them(tmp_path, here):
    from htp_foo import foo

    @kernel
    def centred(a: In[Tensor[f32, "M", "N"]], o: Out[Tensor[f32, "M", "N"]]) -> None:
        o[:] = a[:] - foo.rowmax(a)

    package = htp.compile_program(centred, target="cpu", out=tmp_path / "centred")
    assert package.manifest.intrinsics == ("foo.rowmax",)
    texts = {each.id: package.stage_text(each.id) for each in package.manifest.stages}
    with_call = [name for name, text in texts.items() if "foo.rowmax(" in text]
    assert with_call[0] == "00-capture"
    assert not any(
        "foo." in text for name, text in texts.items() if name.endswith(("expand", "normalize", "vectorize"))
    )


def test_a_program_without_intrinsics_is_not_expanded():
    @kernel
    def copied(a: In[Tensor[f32, "M"]], o: Out[Tensor[f32, "M"]]) -> None:
        o[:] = a[:]

    assert "expand" not in [each.name for each in htp.plan(copied).passes]


def test_an_opaque_intrinsic_without_a_handler_is_refused():
    from htp_foo import foo

    @kernel
    def hidden(a: In[Tensor[f32, "M", "N"]], o: Out[Tensor[f32, "M", "N"]]) -> None:
        o[:] = foo.opaque(a)

    with pytest.raises(Refused) as caught:
        htp.plan(hidden)
    assert caught.value.code == "plan.no-handler"
    assert "foo.opaque" in caught.value.diagnostic.message
    assert IntrinsicUse("foo.opaque").name in str(caught.value)
