import msgspec
import pytest

from htp.declarations import Backend, Lazy, Variant
from htp.diagnostics import Refused
from htp.targets import Level, Limit, Model, Route, Space, Sync, Target, Unit, find_variant, parse_target

HERE = "made up for the test"
MODEL = Model(
    name="toy",
    levels=(
        Level(name="die", units=1, source=HERE),
        Level(name="core", units=24, parent="die", axis="core", source=HERE),
    ),
    spaces=(
        Space(name="gm", level="die", align=32, source=HERE),
        Space(name="l1", level="core", capacity=524288, align=32, source=HERE),
        Space(name="l0", level="core", capacity=65536, usable=65000, align=512, forms=("nz",), source=HERE),
        Space(name="l2", level="die", capacity=1 << 20, managed=True, source=HERE),
    ),
    routes=(
        Route(name="gm_l1", src="gm", dst="l1", asynchronous=True, reform=(("nd", "nz"),), source=HERE),
        Route(name="l1_l0", src="l1", dst="l0", source=HERE),
    ),
    units=(
        Unit(name="vec", level="core", kind="vector", dtypes=("f32",), width=256, source=HERE),
        Unit(name="cube", level="core", kind="matrix", source=HERE),
    ),
    syncs=(Sync(name="flag", scope="core", kind="flag", count=8, source=HERE),),
    limits=(Limit(subject="core.dma_in", value=2, source=HERE), Limit(subject="core.dma_out", source=HERE)),
)


def toy_model():
    return MODEL


def bad_model():
    return Model(name="bad", spaces=(Space(name="ub", level="core", source=HERE),))


def backend(name, *variants):
    return Backend(name, (), (), variants, f"{name}.package/1", Lazy(f"{name}:emit"))


def variant(name, model="toy_model", **more):
    return Variant(name, Lazy(f"{__name__}:{model}"), **more)


BACKENDS = {
    each.name: each
    for each in (
        backend("cpu", variant("")),
        backend("aie", variant("npu1"), variant("npu2")),
        backend("one", variant("x")),
    )
}


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import sys
    import types

    module = types.ModuleType(__name__)
    module.toy_model, module.bad_model = toy_model, bad_model
    monkeypatch.setitem(sys.modules, __name__, module)


@pytest.mark.parametrize(
    ("text", "backend_name", "variant_name", "name"),
    [
        ("cpu", "cpu", "", "cpu"),
        ("aie:npu1", "aie", "npu1", "aie:npu1"),
        (" aie:npu2 ", "aie", "npu2", "aie:npu2"),
        ("one", "one", "x", "one:x"),
        ("aie:npu3", "aie", "npu3", "aie:npu3"),
    ],
)
def test_targets_are_found(text, backend_name, variant_name, name):
    target = parse_target(text, BACKENDS, (variant("npu3", backend="aie"),))
    assert (target.backend, target.variant, str(target)) == (backend_name, variant_name, name)
    assert target.model == MODEL


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("aie", ("write `aie:npu1` or `aie:npu2`",)),
        ("aie:npu9", ("write `aie:npu1` or `aie:npu2`",)),
        ("cpu:avx", ("write `cpu`",)),
        ("aei:npu1", ("write `aie:npu1` or `aie:npu2`",)),
        ("pto:a2a3sim", ("pip install htp-backend-pto",)),
        ("quantum", ()),
        ("", ()),
    ],
)
def test_unknown_targets_are_refused_with_a_way_out(text, help):
    with pytest.raises(Refused) as caught:
        parse_target(text, BACKENDS)
    assert caught.value.code == "plan.unknown-target"
    assert caught.value.diagnostic.help == help
    assert caught.value.diagnostic.notes == ("installed targets: aie:npu1, aie:npu2, cpu, one:x",)


def test_finding_a_variant_loads_no_model():
    _, found = find_variant("toy", {"toy": backend("toy", Variant("", Lazy("nowhere:model")))})
    with pytest.raises(Refused) as caught:
        found.model.load()
    assert caught.value.code == "plugin.import-failed"


def test_a_model_answers_questions():
    assert MODEL.level("core").units == 24
    assert MODEL.level("warp") is None
    assert MODEL.space("l0").limit == 65000
    assert MODEL.space("l1").limit == 524288
    assert MODEL.space("l2").limit is None
    assert MODEL.space("gm").limit is None
    assert MODEL.unit("vector").lanes(32) == 64
    assert MODEL.unit("matrix").lanes(32) is None
    assert MODEL.unit("copy") is None
    assert (MODEL.limit("core.dma_in"), MODEL.limit("core.dma_out"), MODEL.limit("x")) == (2, None, None)
    assert [each.name for each in MODEL.path("gm", "l0")] == ["gm_l1", "l1_l0"]
    assert MODEL.path("gm", "gm") == ()
    assert MODEL.path("l0", "gm") is None
    assert MODEL.check() == ()


def test_json_is_stable_and_read_back():
    data = MODEL.to_json()
    assert Model.from_json(data) == MODEL
    assert Model.from_json(data).to_json() == data
    target = Target(backend="toy", variant="a", model=MODEL)
    assert msgspec.json.decode(msgspec.json.encode(target), type=Target) == target


@pytest.mark.parametrize(
    "data",
    [b"{", b"[]", b'{"name": 3}', b'{"name": "x", "extra": 1}', b'{"name": "x", "levels": [{"name": "a"}]}', b"\xff"],
)
def test_unreadable_models_are_refused(data):
    with pytest.raises(Refused) as caught:
        Model.from_json(data)
    assert caught.value.code == "plan.bad-model"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"levels": (*MODEL.levels, MODEL.levels[0])}, "level `die` is declared twice"),
        (
            {"levels": (Level(name="core", parent="x", source=HERE), MODEL.levels[0])},
            "level `core` has an unknown parent",
        ),
        ({"spaces": (*MODEL.spaces, Space(name="ub", level="x", source=HERE))}, "space `ub` is on an unknown level"),
        ({"spaces": (*MODEL.spaces, Space(name="ub", level="die", align=0, source=HERE))}, "count from 1"),
        (
            {"spaces": (*MODEL.spaces, Space(name="ub", level="die", capacity=1, usable=2, source=HERE))},
            "usable 2 of capacity 1",
        ),
        ({"routes": (Route(name="r", src="gm", dst="x", source=HERE),)}, "route `r` ends in an unknown space"),
        ({"units": (Unit(name="u", level="x", kind="copy", source=HERE),)}, "unit `u` is on an unknown level"),
        ({"syncs": (Sync(name="s", scope="x", kind="lock", source=HERE),)}, "sync `s` has an unknown scope"),
        ({"limits": (Limit(subject="n", value=-1, source=HERE),)}, "limit `n` is negative"),
    ],
)
def test_contradictions_are_found(change, text):
    model = msgspec.structs.replace(MODEL, **change)
    (found,) = model.check()
    assert found.code == "plan.bad-model"
    assert text in found.message
    with pytest.raises(Refused):
        Model.from_json(model.to_json())


def test_a_backend_with_a_bad_model_is_refused():
    with pytest.raises(Refused) as caught:
        parse_target("toy", {"toy": backend("toy", variant("", "bad_model"))})
    assert caught.value.code == "plan.bad-model"


def test_a_target_in_capitals_is_suggested_in_small_letters():
    backend = Backend("cpu", (), (), (Variant("", Lazy("nowhere:model")),), "cpu.package/1", Lazy("nowhere:emit"))
    with pytest.raises(Refused) as caught:
        parse_target("CPU", {"cpu": backend})
    assert caught.value.diagnostic.help == ("write `cpu`",)
