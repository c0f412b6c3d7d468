"""The instruction table: it tells of every instruction of pto-isa once, and what it says fits the intrinsics."""

import json
from importlib.resources import files

import pytest

from htp import bf16, f16, f32, i8, i16, i32
from htp.types import DTypeForm, ScalarForm, TileForm, TileType
from htp_backend_pto import isa, pto
from htp_backend_pto.isa.other import OTHERS, not_by_hand
from htp_backend_pto.isa.spelling import pad_value, spelled

FACTS = {each["name"]: each for each in json.loads(files("htp_backend_pto.isa").joinpath("pto_isa.json").read_text())}
WITHOUT_DEVICE = {
    "TADDC", "TSUBC", "TADDSC", "TSUBSC", "TGEMV_MX", "TMATMUL_MX", "TRANDOM", "THISTOGRAM", "TINTERLEAVE",
    "TDEINTERLEAVE", "TGET_SCALE_ADDR",
}  # fmt: skip
WITHOUT_SIMULATOR = {"TSUBRELUCONV", "TADDRELUCONV", "TALLOC"}


def test_every_instruction_is_an_intrinsic_or_says_why_not():
    by_hand = {each.cpp for each in isa.INSTRUCTIONS.values()} - {""}
    others = {each.cpp for each in OTHERS.values()}
    assert len(FACTS) == 148
    assert by_hand | others == set(FACTS)
    assert by_hand & others == set()
    assert others >= WITHOUT_SIMULATOR


def test_the_facts_are_those_that_were_read():
    assert {name for name, each in FACTS.items() if not each["a2a3"]} == WITHOUT_DEVICE
    assert {name for name, each in FACTS.items() if not each["cpu_sim"]} == WITHOUT_SIMULATOR


@pytest.mark.parametrize("name", sorted(isa.INSTRUCTIONS))
def test_variants_are_those_that_have_it(name):
    found = isa.instruction(name)
    wanted = ("a2a3sim",) if found.cpp in WITHOUT_DEVICE else ("a2a3sim", "a2a3")
    assert found.variants == wanted


def test_the_table_and_the_module_have_the_same_names():
    assert sorted(isa.INSTRUCTIONS) == sorted(pto.__all__)


@pytest.mark.parametrize("name", sorted(isa.INSTRUCTIONS))
def test_operands_and_variables_are_those_of_the_signature(name):
    found, signature = isa.instruction(name), getattr(pto, name).signature
    assert [each.name for each in found.operands if each.name != "dst"] == [each.name for each in signature.formals]
    roles = {each.name: each.role for each in found.operands}
    for each in signature.formals:
        tile = isinstance(each.type, TileType | TileForm)
        assert roles[each.name] in (
            ("src", "inout", "scratch") if tile else ("attribute",) if each.is_attribute else ("scalar",)
        )
    forms = (each.type for each in signature.formals)
    variables = dict.fromkeys(
        each.dtype.__name__ for each in forms if isinstance(each, TileForm | ScalarForm | DTypeForm)
    )
    for variant in isa.VARIANTS:
        for dtypes in found.dtypes[variant]:
            assert len(dtypes) == max(1, len(variables)), dtypes
    assert found.variables == tuple(variables) or len(variables) <= 1


@pytest.mark.parametrize("name", sorted(isa.INSTRUCTIONS))
def test_scratch_is_last_among_tiles_and_routes_name_every_tile(name):
    found = isa.instruction(name)
    for each in found.routes:
        assert len(each.spaces) == len(found.tiles)
    scratch = [at for at, each in enumerate(found.tiles) if each.role == "scratch"]
    assert scratch in ([], [len(found.tiles) - 1])


@pytest.mark.parametrize(
    ("name", "pipe"),
    [("load", "MTE2"), ("store", "MTE3"), ("rowmax", "V"), ("matmul", "M"), ("mov", "MTE1"), ("store_as", "FIX")],
)
def test_pipes(name, pipe):
    assert isa.instruction(name).pipe == pipe


def test_moves_go_through_the_pipe_between_their_memories():
    mov = isa.instruction("pto.mov")
    assert mov.route("l0b", "l1").pipe == "MTE1"
    assert mov.route("ub", "ub").pipe == "V"
    assert mov.route("l1", "l0c").pipe == "FIX"
    assert mov.route("l0c", "ub") is None
    assert isa.instruction("store").route("gm", "l0c").pipe == "FIX"


@pytest.mark.parametrize(
    ("name", "names", "text"),
    [
        ("add", {"dst": "d", "a": "a", "b": "b"}, "TADD(d, a, b)"),
        ("rowmax", {"dst": "d", "x": "x", "tmp": "t"}, "TROWMAX(d, x, t)"),
        ("sels", {"dst": "d", "mask": "m", "x": "x", "value": "0.f", "tmp": "t"}, "TSELS(d, m, x, t, 0.f)"),
        ("matmul_acc", {"dst": "c", "acc": "c", "a": "a", "b": "b"}, "TMATMUL_ACC(c, c, a, b)"),
        ("muladddst", {"dst": "d", "acc": "d", "a": "a", "b": "b"}, "TMULADDDST(d, a, b)"),
        ("sdivs", {"dst": "d", "x": "x", "value": "2.f"}, "TDIVS(d, 2.f, x)"),
    ],
)
def test_the_text_of_a_call(name, names, text):
    assert isa.instruction(name).text(names) == text


def test_modes_and_patterns_are_spelled():
    assert spelled("cmps", {"mode": "ge"})["mode"] == "GE"
    assert spelled("cvt", {"mode": "none", "dtype": f16})["mode"] == "CAST_RINT"
    assert spelled("cvt", {"mode": "none", "dtype": i32})["mode"] == "CAST_TRUNC"
    assert spelled("cvt", {"mode": "floor", "dtype": i32})["mode"] == "CAST_FLOOR"
    assert spelled("gather_mask", {"start": 1, "step": 2})["pattern"] == "P1010"
    assert spelled("tri", {"upper": True, "dtype": i32})["upper"] == "1"


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.0, f32, "PadValue::Zero"), (float("-inf"), f32, "PadValue::Min"), (float("inf"), i32, "PadValue::Max"),
        (float("-inf"), i8, "PadValue::Min"), (-1.5, f32, "PadValueCustom(0xbfc00000u)"),
        (float("-inf"), f16, "PadValueCustom(0xfc00u)"), (1.0, f16, "PadValueCustom(0x3c00u)"),
        (float("inf"), bf16, "PadValueCustom(0x7f80u)"), (-3.0, i16, "PadValueCustom(0xfffdu)"),
    ],
)  # fmt: skip
def test_pad_values_are_words_or_bits(value, dtype, text):
    assert pad_value(value, dtype) == text


def test_an_instruction_that_is_no_function_says_what_to_write_instead():
    assert not_by_hand("add") is None
    found = not_by_hand("sync").diagnostic
    assert found.code == "pto.not-by-hand"
    assert "TSYNC" in found.message
    assert "flags" in found.help[0]
    with pytest.raises(AttributeError):
        _ = pto.nothing
    with pytest.raises(LookupError, match="no instruction"):
        isa.instruction("nothing")
