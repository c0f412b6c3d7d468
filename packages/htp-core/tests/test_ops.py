import doctest
import inspect

import pytest

import htp.tile
from htp.diagnostics import Bug
from htp.ops import OPS, Op, op
from htp.types import DTYPES, bool_, f32, i32

LANGUAGE = """exp exp2 log log2 sqrt rsqrt abs neg sign sin cos tanh erf sigmoid relu gelu silu floor ceil round maximum
minimum where clip cast select sum mean max min prod any all argmax argmin cumsum dot reshape transpose broadcast_to
concat split squeeze expand_dims flip zeros ones full arange iota eye take gather scatter sort topk one_hot tril triu
item print"""


def test_the_table_and_the_module_have_the_same_operations():
    assert sorted(each.name for each in OPS) == sorted(htp.tile.__all__)
    assert set(LANGUAGE.split()) <= {each.name for each in OPS}
    assert len({each.name for each in OPS}) == len(OPS)


@pytest.mark.parametrize("entry", OPS, ids=lambda entry: entry.name)
def test_parameters_are_those_of_the_function(entry: Op):
    signature = inspect.signature(getattr(htp.tile, entry.name))
    assert [each.name for each in entry.params] == list(signature.parameters)
    for each, real in zip(entry.params, signature.parameters.values(), strict=True):
        default = (
            getattr(htp.types, each.default) if each.kind == "dtype" and isinstance(each.default, str) else each.default
        )
        assert each.required == (real.default is inspect.Parameter.empty) or each.kind == "values"
        assert each.required or default == real.default
    assert entry.dtypes <= {"float", "int", "uint", "bool"}
    assert entry.signature.startswith(f"{entry.name}(")


@pytest.mark.parametrize("entry", OPS, ids=lambda entry: entry.name)
def test_examples_run(entry: Op):
    found = eval(entry.example, {"tile": htp.tile, "f32": f32, "i32": i32, "bool_": bool_})
    assert (found is None) == (entry.result == "none")


@pytest.mark.parametrize(
    "entry",
    [each for each in OPS if each.family in ("unary", "binary", "compare", "logical", "reduce")],
    ids=lambda e: e.name,
)
@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.name)
def test_the_functions_take_the_dtypes_of_the_table(entry: Op, dtype):
    from htp.diagnostics import Refused

    x = htp.tile.ones((2,), dtype)
    extra = {"cast": (f32,)}.get(entry.name, ())
    arguments = (x, x) if len(entry.params) > 1 and entry.params[1].kind == "operand" else (x, *extra)
    if dtype.kind not in entry.dtypes:
        with pytest.raises(Refused) as caught:
            getattr(htp.tile, entry.name)(*arguments)
        assert caught.value.code in ("type.bad-dtype", "type.integer-division")
        return
    result = getattr(htp.tile, entry.name)(*arguments)
    wanted = {
        "same": dtype.name,
        "bool": "bool_",
        "i64": "i64",
        "sum": "i64" if dtype is bool_ else dtype.name,
        "dtype": "f32",
    }
    assert result.dtype.name == wanted[entry.result]


def test_unknown_operations_are_bugs():
    with pytest.raises(Bug):
        op("nope")


def test_doctests():
    assert doctest.testmod(htp.types).failed == 0
