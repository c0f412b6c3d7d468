"""Plugins that do not go together or with a target, and packages and bindings that do not fit."""

from __future__ import annotations

from combination_kit import COPY, Case, among, copy_with, loaded, source, tampered, without_compiler

from htp.artifact.manifest import Contract
from htp.layout import Envelope, open_envelope
from htp.session import Session

WITHOUT_F64 = """
def model():
    from htp.targets import Model
    return Model(name="small")

def emit(program, target):
    from htp.declarations import Emission
    return Emission((("codegen/small/program.txt", program.text().encode()),), "small.package/1")

@hookimpl
def htp_backends():
    variants = (Variant("", Lazy(f"{__name__}:model")),)
    accepts = (DialectUse("tile"), OpUse("*"), DTypeUse("f32"))
    return (Backend("small", (Typed(),), accepts, variants, "small.package/1", Lazy(f"{__name__}:emit")),)
"""
DESTROYS = """
class Flatten(Pass):
    '''Unrolls what has been vectorized; nothing that was known of its loops holds any longer.'''
    name = "flatten.all"
    requires = (Vectorized(),)
    invalidates = (Captured(), Inlined(), Typed(), Normalized(), Simplified(), Loops())

@hookimpl
def htp_passes():
    return (Flatten(),)
"""
HALO = """
@hookimpl
def htp_dialects():
    return (Dialect("halo"),)
"""

CASES: dict[int, Case] = {
    9: Case(
        "plan.no-dtype",
        among(source(COPY.replace("f32", "f64"), target="small"), small=WITHOUT_F64),
        among(source(COPY, target="small"), small=WITHOUT_F64),
        ("`f64`", "`small`"),
        line="def f(",
    ),
    20: Case(
        "plan.no-order",
        among(source(COPY, pins=("flatten.all",)), flatten=DESTROYS),
        among(source(COPY), flatten=DESTROYS),
        ("flatten.all", "destroys"),
    ),
    21: Case(
        "plugin.duplicate-id",
        loaded("one", one=HALO, two=HALO),
        loaded("one", one=HALO, two=HALO.replace("halo", "ring")),
        ("`one`", "`two`", "`halo`"),
    ),
    22: Case(
        "plugin.wrong-api",
        loaded("old", old="HTP_API = 0"),
        loaded("old", old=""),
        ("plugin API 0", "htp-core"),
    ),
    23: Case(
        "bind.contract-version",
        copy_with(contract=Contract(name="cpu.package", version=2)),
        copy_with(),
        ("cpu.package/2", "cpu.package/1", "compile the program again"),
    ),
    24: Case("artifact.altered-file", tampered(b"// harmless\n"), tampered(b""), ("codegen/cpu/",)),
    34: Case(
        "layout.unknown-facet",
        lambda _: open_envelope(Envelope(kind="axe", version=1, role="memory", data={}), Session().facets),
        lambda _: open_envelope(Envelope(kind="strided", version=1, role="memory", data={}), Session().facets),
        ("axe", "pip install htp-layout-axe"),
    ),
    35: Case(
        "cpu.no-compiler",
        without_compiler("device"),
        without_compiler(None),
        ("no-such-compiler",),
    ),
}
