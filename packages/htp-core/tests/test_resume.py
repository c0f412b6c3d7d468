"""Going on from a stage: unedited, edited so that the result changes, and edited into nonsense."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

import htp
from htp import Refused
from htp.capture import capture
from htp.compilation import captured
from htp.session import current_session
from htp.specialize import specialized

SPEC = importlib.util.spec_from_file_location("stages", Path(__file__).parent / "stages.py")
STAGES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(STAGES)
HEAD = '@kernel\ndef f(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:\n'
TEXT = HEAD + "    y[:] = tile.exp(x) + x.T.T\n"
pytest.importorskip("htp_backend_cpu")


@pytest.fixture
def package(tmp_path):
    return htp.compile_program(STAGES.defined(TEXT, tmp_path), target="cpu", out=tmp_path / "first")


def stage(package, name):
    (found,) = (each for each in package.path.glob("ir/stages/*") if each.name.endswith(name))
    return found / "program.py"


def code_of(path):
    """The lines that are no comments: those name the file the program was read from."""
    return [line.split("//")[0] for line in path.read_text().splitlines()]


def copied(package, name, folder, edit):
    """A stage with its state, edited outside the sealed package."""
    source = stage(package, name).parent
    target = folder / "edited" / source.name
    shutil.copytree(source, target)
    program = target / "program.py"
    program.write_text(edit(program.read_text()))
    return program


@pytest.mark.parametrize("name", ["capture", "annotate", "normalize", "simplify"])
def test_an_unedited_stage_leads_to_the_same_code(package, tmp_path, name):
    path = stage(package, name)
    again = htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at=path.parent.name[:2])
    assert again.manifest.edit.from_ == path.parent.name
    for file in package.path.glob("codegen/**/*"):
        if file.is_file():
            assert code_of(again.path / file.relative_to(package.path)) == code_of(file)


def test_an_edit_changes_what_is_computed_and_is_recorded(package, tmp_path):
    path = copied(package, "simplify", tmp_path, lambda text: text.replace("tile.exp(", "tile.abs("))
    again = htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at=path.parent.name[:2])
    assert again.manifest.edit.digest.startswith("sha256:")
    assert package.manifest.edit is None
    emitted = "".join(file.read_text() for file in again.path.glob("codegen/**/*.cpp"))
    assert "abs(" in emitted
    assert "exp(" not in emitted


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (lambda text: text.replace("y[", "z["), "capture.undefined-name"),
        (lambda text: text.replace("tile.exp(", "tile.expp("), "capture.undefined-name"),
        (lambda text: text.replace("def f(", "def f("[:-1]), "capture.syntax-error"),
        (lambda text: "import os\n" + text, "capture.not-a-stage"),
        (
            lambda text: text.replace('x: In[Tensor[f32, "M", "N"]]', 'x: In[Tensor[i32, "M", "N"]]'),
            "capture.not-a-stage",
        ),
        (lambda text: text.replace("tile.exp(x)", "tile.sum(x, axis=0, keepdims=True)[:, 1:]"), "type.shape-mismatch"),
    ],
)
def test_nonsense_is_refused_with_a_code(package, tmp_path, edit, code):
    path = copied(package, "00-capture", tmp_path, edit)
    with pytest.raises(Refused) as caught:
        htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at="00")
    assert caught.value.code == code
    assert not (tmp_path / "again").exists()


def test_what_is_no_stage_is_refused(package, tmp_path):
    for path, number in [
        (package.path / "plan.json", None),
        (tmp_path / "missing" / "program.py", None),
        (stage(package, "00-capture"), "01"),
    ]:
        with pytest.raises(Refused) as caught:
            htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at=number)
        assert caught.value.code == "artifact.no-such-stage"


def test_what_is_neither_a_function_nor_a_file_is_no_program(tmp_path):
    for given in (htp.compile_program, htp.plan):
        with pytest.raises(Refused, match=r"`user\.py:f` is a text, and no program") as caught:
            given("user.py:f", target="cpu")
        assert caught.value.code == "plan.not-a-program"
        assert "the decorated function itself" in caught.value.diagnostic.help[0]


def test_the_pins_of_a_package_hold_from_its_stages_on(tmp_path):
    text = "@func\ndef twice(t):\n    return t * 2.0\n\n\n" + TEXT.replace("x.T.T", "twice(x)")
    first = htp.compile_program(
        STAGES.defined(text, tmp_path), target="cpu", out=tmp_path / "first", pins=["expand", "inline"]
    )

    def pins(package):
        return {each.pass_.partition("(")[0] for each in package.plan.steps if "pinned" in each.because}

    def again(name, **options):
        path = stage(first, name)
        made = htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at=path.parent.name[:2], **options)
        return pins(made), made.diagnostics

    pinned = pins(first)
    assert {"expand", "inline"} <= pinned
    assert again("capture") == (pinned, ())
    assert again("inline") == (pinned - {"inline"}, ())
    assert again("inline", forbids=["expand"])[0] == pinned - {"inline", "expand"}


def test_a_pin_that_changes_nothing_is_noted(tmp_path):
    program = STAGES.defined(TEXT, tmp_path)
    made = htp.compile_program(program, target="cpu", out=tmp_path / "out", pins=["inline"])
    (found,) = made.diagnostics
    assert (found.code, found.severity, found.span.file) == ("plan.idle-pin", "note", program.place.file)
    assert "`inline` found nothing to change in `f`" in found.message


def test_sizes_fixed_by_name_stand_in_the_signature_and_are_checked(tmp_path):
    program = capture(STAGES.defined(TEXT, tmp_path))
    fixed = specialized(program, {"N": 4})
    assert str(fixed.main.params[0].type) == 'Tensor[f32, "M", 4]'
    assert program.main.params[0].type != fixed.main.params[0].type
    wrong = [("K", 4, "unknown-dimension"), ("N", -1, "bad-dimension"), ("N", True, "bad-dimension")]
    for name, size, code in wrong:
        with pytest.raises(Refused) as caught:
            specialized(program, {name: size})
        assert caught.value.code == f"type.{code}"


def test_fixed_sizes_make_slices_exact(tmp_path):
    head = '@kernel\ndef f(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:\n'
    text = head + "    y[:4] = x[4:]\n    y[4:] = x[:4]\n"
    f = STAGES.defined(text, tmp_path)
    with pytest.raises(Refused):
        htp.plan(f, target="cpu")
    htp.plan(f, target="cpu", dims={"N": 8})
    package = htp.compile_program(f, target="cpu", dims={"N": 8}, out=tmp_path / "fixed")
    assert package.manifest.dims == {"N": 8}


def test_uses_name_the_dialects_and_operations_of_a_program_with_their_places(tmp_path):
    text = (
        TEXT
        + '\n\n@routine\ndef g(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:\n    f(x, y)\n'
    )
    g = STAGES.defined(text.replace("x.T.T", "x @ (x.T @ x)"), tmp_path, "g")
    program = captured(g, current_session(), {})
    uses = {(each.kind, each.name): len(each.spans) for each in program.uses}
    assert uses[("dialect", "host")] == uses[("dialect", "tile")] == 1
    assert uses[("op", "tile.exp")] == 1
    assert uses[("op", "tile.dot")] == 2
    for each in program.uses:
        assert all(span.file == g.place.file for span in each.spans)


def test_the_built_edit_runs(package, tmp_path):
    path = copied(package, "simplify", tmp_path, lambda text: text.replace("tile.exp(", "tile.abs("))
    again = htp.compile_program(path, target="cpu", out=tmp_path / "again", start_at=path.parent.name[:2])
    try:
        run = htp.bind(again)
    except Refused as refusal:
        pytest.skip(f"needs a C++ compiler: {refusal.code}")
    x, y = np.float32([[1, -2]]), np.zeros((1, 2), np.float32)
    run(x, y)
    np.testing.assert_array_equal(y, np.abs(x) + x)
