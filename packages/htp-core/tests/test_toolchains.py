"""A binding that knows several toolchains: the usual one, one by name, and names that it does not know."""

from types import SimpleNamespace

import pytest

import htp
from htp import In, Out, Refused, Tensor, f32, kernel
from htp.bindings import bind_package
from htp.declarations import Binding, Lazy, Toolchain

OWN = "test_toolchains_loaders"


@kernel
def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """`y = 2 x`."""
    y[:] = x[:] * 2.0


@pytest.fixture
def session(monkeypatch, tmp_path):
    """A session whose only binding says how it was loaded."""
    (tmp_path / f"{OWN}.py").write_text(
        "def load(package, mode): return ('usual', mode)\n"
        "def load_other(package, mode): return ('other', mode)\n"
        "def probe(mode): return None\n"
        "def probe_other(mode): return 'it is broken' if mode == 'device' else None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    other = Toolchain("other", Lazy(f"{OWN}:load_other"), Lazy(f"{OWN}:probe_other"))
    binding = Binding(
        "trial", "cpu.package/1", ("device", "sim"), Lazy(f"{OWN}:load"), Lazy(f"{OWN}:probe"), toolchains=(other,)
    )
    return SimpleNamespace(bindings={"trial": binding})


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return htp.compile_program(double, target="cpu", out=str(tmp_path_factory.mktemp("double") / "package"))


def test_without_a_name_the_usual_one_loads(session, package):
    assert bind_package(session, package) == ("usual", "device")


def test_a_named_one_loads_and_is_asked_what_works(session, package):
    assert bind_package(session, package, toolchain="other") == ("other", "sim")
    with pytest.raises(Refused) as caught:
        bind_package(session, package, "device", "other")
    assert caught.value.code == "bind.mode-unavailable"
    assert caught.value.diagnostic.notes == ("device: it is broken",)


def test_an_unknown_one_is_refused_with_those_there_are(session, package):
    with pytest.raises(Refused) as caught:
        bind_package(session, package, toolchain="third")
    assert caught.value.code == "bind.no-toolchain"
    assert caught.value.diagnostic.notes == ("it has other, and the usual one without a name",)
    assert caught.value.diagnostic.help == ('bind with toolchain="other"',)
