"""A target that has few operations: programs of these compile, and what a pass brings in besides is refused in time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import htp
from htp.diagnostics import Refused
from htp.plugins import Found, discover
from htp.session import Session, use_session
from htp.tools.load import load_definition

PLUGIN = '''
from htp.capabilities import DialectUse, Normalized, OpUse
from htp.declarations import Backend, Emission, Lazy, Variant
from htp.hooks import hookimpl
from htp.targets import Model

HTP_API = 1


def model():
    return Model(name="products")


def emit(program, target):
    return Emission((("codegen/products/program.py", program.text().encode()),), "products.package/1")


@hookimpl
def htp_backends():
    accepts = (DialectUse("tile"), OpUse("tile.dot"))
    targets = (Variant("", Lazy(f"{__name__}:model")),)
    return (Backend("products", (Normalized(),), accepts, targets, "products.package/1", Lazy(f"{__name__}:emit")),)
'''
PROGRAM = """
from htp import In, Out, Tensor, f16, f32, kernel, tile


@kernel
def f(a: In[Tensor[f32, "M", "K"]], b: In[Tensor[f32, "K", "N"]], c: Out[Tensor[{dtype}, "M", "N"]]) -> None:
    c[:] = {product}
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "narrow_products.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    with use_session(Session([*discover(), Found("products", "narrow_products", "htp-products", "0.1.0", CORE)])):
        yield
    sys.modules.pop("narrow_products", None)


CORE = ("htp-core>=0.1,<1",)


def compiled(folder: Path, product: str, dtype: str = "f32") -> htp.Package:
    path = folder / "user.py"
    path.write_text(PROGRAM.format(product=product, dtype=dtype))
    return htp.compile_program(load_definition(f"{path}:f"), target="products", out=folder / "package")


@pytest.mark.usefixtures("session")
def test_what_the_target_has_is_compiled(tmp_path: Path) -> None:
    package = compiled(tmp_path, "a[:, :] @ b[:, :]")
    assert "@" in package.read("codegen/products/program.py").decode()


@pytest.mark.usefixtures("session")
def test_an_operation_that_a_pass_brings_in_is_refused_before_emission(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        compiled(tmp_path, "tile.dot(a[:, :], b[:, :], out_dtype=f16)", "f16")
    assert refused.value.code == "plan.no-provider"
    assert "`tile.cast`" in refused.value.diagnostic.message
    assert refused.value.diagnostic.span is not None
    assert refused.value.diagnostic.span.line == 7
    assert not (tmp_path / "package").exists()
