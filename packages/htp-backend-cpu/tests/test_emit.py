"""The text of emitted packages: golden C++, contract files, and refusal of what is not register form."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from htp import Bug
from htp.artifact.manifest import AbiFile
from htp.capture import parse_program
from htp_backend_cpu.dims import dim_text
from htp_backend_cpu.emit import emit
from htp_backend_cpu.literals import literal
from htp_backend_cpu.names import spelled

GOLDEN = Path(__file__).parent / "golden"


def source(text: str) -> str:
    program = parse_program(text, "user.py")
    return dict(emit(program).files)[f"codegen/cpu/{program.entry}.cpp"].decode()


def body_of(statements: str, params: str = 'x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]') -> list[str]:
    """The printed body of a kernel with these statements, without origins."""
    names = "In, InOut, Out, Scalar, Tensor, Tile, bool_, f32, i8, i32, i64, kernel, tile"
    loops = "alloc, checked, clip_index, iota, parallel, require, strips"
    head = f"from htp import {names}\nfrom htp.loops import {loops}\n\n\n@kernel\ndef f({params}) -> None:\n"
    lines = source(head + "".join(f"    {line}\n" for line in statements.splitlines())).split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("void f("))
    return [line.split("  // user.py")[0].rstrip() for line in lines[start + 1 : lines.index("}", start)]]


@pytest.mark.parametrize(
    ("name", "entry"), [("rows", "softmax"), ("blocks", "matmul"), ("blocks", "columns"), ("tiles", "tiles")]
)
@pytest.mark.parametrize("suffix", [".cpp", "_module.cpp", ".h"])
def test_golden_text(program_of, update_golden, name, entry, suffix):
    emitted = emit(program_of(name, entry))
    files = dict(emitted.files) | dict(emitted.contract_files)
    text = files[f"contract/{entry}.h" if suffix == ".h" else f"codegen/cpu/{entry}{suffix}"].decode()
    golden = GOLDEN / f"{entry}{suffix}"
    if update_golden:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize(
    ("statements", "printed"),
    [
        ("y[0] = x[1] + 2.0 * x[2]", "    y(0) = x(1) + f32(2.0) * x(2);"),
        ("y[0] = (x[1] + 2.0) * x[2]", "    y(0) = (x(1) + f32(2.0)) * x(2);"),
        ("y[0] = x[1] - (x[2] - x[3])", "    y(0) = x(1) - (x(2) - x(3));"),
        ("n: i64 = x.shape[0] // 2 % 3", "    i64 n = mod(floordiv(x.dim(0), i64(2)), i64(3));"),
        ("n: i64 = min(x.shape[0], 4, 5)", "    i64 n = minimum(minimum(x.dim(0), i64(4)), i64(5));"),
        (
            "c: bool_ = 0 < x.shape[0] <= 9 and not x[0] == x[1]",
            "    bool_ c = 0 < x.dim(0) && x.dim(0) <= 9 && !(x(0) == x(1));",
        ),
        (
            "c: bool_ = x[0] > 1.0 and (x[1] > 2.0 or x[2] > 3.0)",
            "    bool_ c = x(0) > f32(1.0) && (x(1) > f32(2.0) || x(2) > f32(3.0));",
        ),
        ("v: Scalar[f32] = 1.0 if x[0] > 0.0 else x[1]", "    f32 v = x(0) > f32(0.0) ? f32(1.0) : x(1);"),
        ("v: Scalar[f32] = -x[0] ** 2.0", "    f32 v = -pow(x(0), f32(2.0));"),
        ("v: Scalar[f32] = tile.cast(x.shape[0] + 1, f32)", "    f32 v = cast<f32>(x.dim(0) + 1);"),
        ("v: Scalar[f32] = f32(float('-inf'))", "    f32 v = f32(-__builtin_inf());"),
        ("r: Tile[f32, 16] = alloc((16,), f32, space='register')", "    Vec<f32, 16> r;"),
    ],
)
def test_expressions(statements, printed):
    assert body_of(statements) == [printed]


def region_of(statements: str) -> list[str]:
    """The printed body of a routine that opens tasks, with these statements inside."""
    head = "from htp import In, InOut, Out, Scalar, Tensor, Tile, empty, f32, i64, kernel, routine, tile\n"
    head += "from htp.loops import print_tile\n"
    head += "from htp.tasks import barrier, close_tasks, first_seen, fnv1a, open_tasks, task, wait_for\n\n\n@kernel\n"
    head += 'def k(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], s: Scalar[f32]) -> None:\n    y[0] = x[0]\n\n\n'
    head += '@routine\ndef f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]], z: Out[Tensor[f32, "N"]], '
    head += "n: Scalar[i64]) -> None:\n"
    lines = source(head + "".join(f"    {line}\n" for line in statements.splitlines())).split("\n")
    start = next(index for index, line in enumerate(lines) if line.startswith("void f("))
    return [line.split("  // user.py")[0].strip() for line in lines[start + 1 : lines.index("}", start)]]


CALL = "[&](const Context& ctx, auto... given) { k(ctx, given...); },"


def test_a_region_orders_only_what_its_tasks_write():
    assert region_of('open_tasks(independent=("z",))\nk(x, y, 1.0)\nk(y, z[0:4], 2.0)\nclose_tasks()') == [
        "run_tasks(ctx, {}, [&](Tasks& tasks) {",
        "Accesses y_accesses;",
        f'tasks.submit("k", "user.py:14", {CALL}',
        "x, writes(y_accesses, y), f32(1.0));",
        f'tasks.submit("k", "user.py:15", {CALL}',
        "reads(y_accesses, y), cut(z, span(0, 4)), f32(2.0));",
        "});",
    ]


def test_settings_and_attributes_of_tasks():
    text = """\
open_tasks(unit="bytes", window=n * 8, full="abort", steal=False, workers=3, independent=("y",))
task(at=(n, 2), after=(1,), worker=fnv1a(n, 3), priority=-first_seen(7))
k(x, y, 1.0)
close_tasks()"""
    settings = ".workers = 3, .steal = false, .window = n * 8, .bytes = true, .abort = true"
    assert region_of(text) == [
        f"run_tasks(ctx, {{{settings}}}, [&](Tasks& tasks) {{",
        "tasks.task({.worker = fnv1a(n, 3), .priority = -tasks.first_seen(7), .after = {1}, .at = {n, 2}});",
        f'tasks.submit("k", "user.py:15", {CALL}',
        "x, writes_freely(y), f32(1.0));",
        "});",
    ]


def test_waits_and_what_the_region_does_itself():
    text = """\
open_tasks(independent=("z",))
k(x, y, 1.0)
k(x, z, 1.0)
wait_for(x)
wait_for(x, y[n:4])
wait_for(z)
y[0] = 1.0
print_tile("y", y)
t: Tile[f32, 4] = empty((4,), f32)
k(x, t, 1.0)
close_tasks()"""
    printed = region_of(text)
    assert [each for each in printed if "submit" not in each and not each.startswith("x, ")] == [
        "run_tasks(ctx, {}, [&](Tasks& tasks) {",
        "Accesses y_accesses;",
        "tasks.wait_for(reads(y_accesses, y, span(n, 4)));",
        "tasks.barrier();",
        "tasks.barrier();",
        "y(0) = f32(1.0);",
        "tasks.barrier();",
        'print_tile(ctx, "y", y);',
        "Region<f32, 1> t = region(tasks.keep<f32>(4), 4);",
        "Accesses t_accesses;",
        "});",
    ]
    assert "x, writes(t_accesses, t), f32(1.0));" in printed


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ("open_tasks()\nk(x, y, 1.0)", "no `close_tasks` behind it"),
        ("task(worker=1)", "not in a task region"),
        ("open_tasks()\nm: i64 = n\nclose_tasks()\ny[m] = 1.0", "m is used behind `close_tasks`"),
        ("open_tasks()\ntask(worker=1.5)\nclose_tasks()", "not an integer"),
    ],
)
def test_what_is_not_task_form_is_a_bug_that_quotes_it(statements, why):
    with pytest.raises(Bug, match=why):
        region_of(statements)


def test_only_programs_with_tasks_carry_the_headers_of_tasks(program_of):
    def headers(name, entry):
        return {path for path, _ in emit(program_of(name, entry)).files if path.endswith(".hpp")}

    assert headers("tiles", "tiles") - headers("rows", "softmax") == {
        f"codegen/cpu/htp_{each}.hpp" for each in ("task_table", "tasks")
    }


def test_small_integers_wrap_in_every_step():
    assert body_of("y[0] = (x[0] + x[1]) // i8(2)", 'x: In[Tensor[i8, "N"]], y: Out[Tensor[i8, "N"]]') == [
        "    y(0) = i8(floordiv(i8(x(0) + x(1)), i8(2)));"
    ]


def test_loops_and_branches():
    statements = """\
for i in range(9, 0, -2):
    if x[i] > 0.0:
        y[i] = x[i]
    elif i == 3:
        y[i] = 1.0
    else:
        y[i] = 0.0
k: i64 = 0
while k < 3:
    k += 1"""
    assert body_of(statements) == [
        "    for (i64 i = 9; i > 0; i += -2) {",
        "        if (x(i) > f32(0.0)) {",
        "            y(i) = x(i);",
        "        } else if (i == 3) {",
        "            y(i) = f32(1.0);",
        "        } else {",
        "            y(i) = f32(0.0);",
        "        }",
        "    }",
        "    i64 k = 0;",
        "    while (k < 3) {",
        "        k = k + 1;",
        "    }",
    ]


def test_a_bound_that_the_body_changes_is_read_once():
    assert (
        body_of("n: i64 = 4\nfor i in range(n):\n    n = n + i")[1]
        == "    for (i64 i = 0, i_stop = n; i < i_stop; ++i) {"
    )


def test_checks_stand_in_the_text_and_in_the_contract():
    text = "from htp import In, Out, Tensor, f32, i64, kernel\nfrom htp.loops import checked, require\n\n\n@kernel\n"
    text += 'def f(x: In[Tensor[i64, "N"]], y: Out[Tensor[f32, "N"]]) -> None:\n'
    text += '    require(x.shape[0] > 1, "two \\"elements\\"", "user.py:8")\n'
    text += '    require(x.shape[0] > 2, "three", "user.py:8", "user.three", "be four")\n'
    text += '    i: i64 = checked(x[0], x.shape[0], "user.py:9")\n'
    text += "    y[i] = 1.0\n"
    emitted = emit(parse_program(text, "user.py"))
    printed = dict(emitted.files)["codegen/cpu/f.cpp"].decode()
    assert 'require(ctx, x.dim(0) > 1, "two \\"elements\\"", "user.py:8");' in printed
    assert 'require(ctx, x.dim(0) > 2, "three", "user.py:8", 2);' in printed
    assert 'i64 i = checked(ctx, x(0), x.dim(0), "user.py:9");' in printed
    checks = json.loads(dict(emitted.contract_files)["contract/cpu.json"])["checks"]
    assert checks == [
        {"place": "user.py:8", "text": 'two "elements"', "what": "assertion"},
        {"code": "user.three", "help": "be four", "place": "user.py:8", "text": "three", "what": "assertion"},
        {"place": "user.py:9", "text": "x[0]", "what": "index"},
    ]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("y[:] = x[:]", "the length of the slice is not the lane count of the open strip"),
        ("a = tile.exp(x[0])", "a new name without a type, or a second value for a vector"),
        ("y[0] = x[0, 1]", "2 indices for 1 axes"),
        ("y[0] = tile.cumsum(x[0], 0)", "`tile.cumsum` is no scalar or vector operation"),
        ("y[0] = tile.sum(x[0])", "a reduction of one element"),
        ("y[0] = i32(3)", "a value of i32 where f32 is wanted"),
        ("y[0] = x[0] + i32(3)", "f32 with i32"),
        ("y[0] = x[0] @ x[1]", "no such operator"),
        ("for i in strips(4, x.shape[0]):\n    y[0] = 0.0", "no such loop"),
        ("for i, n in strips(4, x.shape[0]):\n    y[0] = 0.0", "the width of a strip is not a constant"),
        ("b: Tile[f32, 4] = alloc((4,), i32)", "the buffer is not what its annotation says"),
    ],
)
def test_what_is_not_register_form_is_a_bug_that_quotes_it(statement, why):
    with pytest.raises(Bug) as found:
        body_of(statement)
    assert str(found.value).startswith("not register form: `")
    assert why in str(found.value)


def test_recursion_is_a_bug(program_of):
    program = program_of("blocks", "scaled")
    import ast

    call = ast.parse("scaled(x, y, by)").body[0]
    function = program.function("scaled")
    with pytest.raises(Bug, match="scaled calls itself"):
        emit(program.replace(replace(function, body=(*function.body, call))))


def test_the_contract_files(program_of):
    files = dict(emit(program_of("blocks", "columns")).contract_files)
    import msgspec

    abi = msgspec.json.decode(files["contract/abi.json"], type=AbiFile)
    (function,) = abi.functions
    assert (abi.entry, function.symbol, function.dims, function.slots) == (
        "columns",
        "htp_columns",
        ("M", "N"),
        ("limit",),
    )
    assert function.calls == ("scaled", "columns")
    assert [(each.name, each.shape, each.strides) for each in function.parameters] == [
        ("x", ("M", "N"), ("N", "1")),
        ("y", ("M", "N"), ("N", "1")),
    ]
    assert json.loads(files["contract/cpu.json"])["slots"] == [{"dtype": "i32", "name": "limit", "value": 3}]


def test_the_source_map_names_the_line_of_every_statement(program_of):
    emitted = emit(program_of("rows", "softmax"))
    lines = dict(emitted.files)["codegen/cpu/softmax.cpp"].decode().split("\n")
    mapped = json.loads(dict(emitted.contract_files)["contract/source_map.json"])["lines"]
    found = {each["statement"]: (lines[each["line"] - 1].split("//")[0].strip(), each["origin"]) for each in mapped}
    assert found["peak: Scalar[f32] = tile.max(top)"] == ("f32 peak = max(top);", "rows.py:25")
    assert found["for i in parallel(range(M)):"][0].startswith("parallel(ctx, range(M), [=, &ctx](i64 i) {")


def test_equal_programs_give_equal_bytes(program_of):
    assert emit(program_of("blocks", "matmul")) == emit(program_of("blocks", "matmul"))


def test_spelling():
    assert [spelled(each) for each in ("acc", "max", "new_", "int", "f32x")] == ["acc", "max_", "new__", "int_", "f32x"]
    assert literal(-(2**63)) == "(-9223372036854775807 - 1)"
    assert literal(2**63) == "9223372036854775808u"
    assert literal(float("nan")) == '__builtin_nan("")'
    assert dim_text("min(M, 4) % N - -2", {"M": "M", "N": "N"}) == "(mod(minimum(M, i64(4)), N) - -i64(2))"
