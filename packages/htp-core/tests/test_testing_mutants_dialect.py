"""Wrong dialects, each of which the law that it breaks must find; a package of one is made on the fly."""

import importlib.util
import sys

import pytest

from htp.declarations import Dialect
from htp.session import use_session
from htp.testing import DialectConformance

WORDS = '''"""Loops over blocks."""


def blocks(extent, size):
    """Where the blocks of an axis begin."""
    return range(0, extent, size)
'''
PLUGIN = '''import ast
from dataclasses import dataclass

from htp.capabilities import DialectUse
from htp.declarations import Dialect
from htp.hooks import hookimpl
from htp.passes import VisitorPass

HTP_API = 1


@dataclass(frozen=True)
class Lower(VisitorPass):
    """Blocks become ranges."""

    name = "steps.lower"
    eliminates = (DialectUse("steps"),)

    def visit_Call(self, node):
        match node:
            case ast.Call(ast.Name("blocks"), [extent, size], []):
                return ast.Call(ast.Name("range", ast.Load()), [ast.Constant(0), extent, size], [])
            case _:
                return self.generic_visit(node)


@hookimpl
def htp_dialects():
    return (Dialect("steps", "loops over blocks", ("steps_made",), ("blocks",)),)


@hookimpl
def htp_passes():
    return (Lower(),)
'''
PROGRAM = """from htp import In, Out, Tensor, f32, kernel
from steps_made import blocks


@kernel
def twice(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    for i in blocks(x.shape[0], 16):
        y[i:i + 16] = 2.0 * x[i:i + 16]


@kernel
def plain(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = 2.0 * x[:]
"""


@pytest.fixture
def steps(site, echo):
    """A session with the dialect and a backend, and a program in the dialect; one text is replaced in both files."""

    def make(old="", new=""):
        assert not old or old in WORDS + PLUGIN
        folder = site.root / "steps_made"
        folder.mkdir()
        (folder / "__init__.py").write_text(WORDS.replace(old, new, 1) if old else WORDS)
        (folder / "plugin.py").write_text(PLUGIN.replace(old, new, 1) if old else PLUGIN)
        site.add("steps", None, module="steps_made.plugin")
        (site.root / "steps_program.py").write_text(PROGRAM)
        return echo()

    yield make
    for name in [each for each in sys.modules if each.startswith(("steps_", "made_echo"))]:
        del sys.modules[name]


def programs(site):
    spec = importlib.util.spec_from_file_location("steps_program", site.root / "steps_program.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["steps_program"] = module
    spec.loader.exec_module(module)
    return module


MUTANTS = [
    ("words_are_python", '    """Where the blocks of an axis begin."""\n', "", "`blocks` has no docstring"),
    ("runs_as_it_stands", "range(0, extent, size)\n", "iter(range(0, extent))[0:size]\n", "raised TypeError"),
    (
        "no_stage_keeps_what_was_lowered",
        "[ast.Constant(0), extent",
        "[ast.Constant(0), ast.BinOp(extent, ast.Sub(), ast.BinOp(extent, ast.Mod(), size))",
        "`twice` behind `steps.lower`: on",
    ),
    (
        "no_stage_keeps_what_was_lowered",
        'ast.Name("range", ast.Load())',
        'ast.Name("ranges", ast.Load())',
        "pass `annotate` ends with",
    ),
    (
        "no_stage_keeps_what_was_lowered",
        "return ast.Call(ast.Name",
        "return node if node.args[1].value == 16 else ast.Call(ast.Name",
        "plan.broken-promise",
    ),
]


@pytest.mark.parametrize(("law", "old", "new", "text"), MUTANTS, ids=[f"{each[0]}-{each[3]}" for each in MUTANTS])
def test_a_wrong_dialect_fails_its_law(told, steps, site, law, old, new, text, monkeypatch):
    monkeypatch.setenv("HTP_VERIFY", "all")
    with use_session(steps(old, new)) as _:
        from htp.session import current_session

        found = told(
            DialectConformance,
            f"test_{law}",
            current_session().dialects["steps"],
            programs=(programs(site).twice,),
        )
    assert found.startswith("failed"), found
    assert text in found


def test_words_that_are_not_there_are_missed(told, steps):
    with use_session(steps()):
        lacking = Dialect("steps", "blocks", ("steps_made",), ("blocks", "rows"))
        astray = Dialect("steps", "blocks", ("steps_made.nowhere",), ("blocks",))
        assert "`rows` is not a callable" in told(DialectConformance, "test_words_are_python", lacking)
        assert "ModuleNotFoundError" in told(DialectConformance, "test_words_are_python", astray)


def test_a_program_without_the_dialect_does_not_count(told, steps, site):
    law = "test_uses_stand_at_the_users_line"
    with use_session(steps()):
        module = programs(site)
        from htp.session import current_session

        dialect = current_session().dialects["steps"]
        without = told(DialectConformance, law, dialect, programs=(module.plain,))
        nothing = told(DialectConformance, law, dialect)
        inside = told(DialectConformance, law, dialect, programs=(module.twice,))
    assert "none of `programs` is captured with a use of it" in without
    assert nothing == (
        "skipped: DialectConformance.programs: no program that uses it is given; "
        "`htp conform NAME --programs FILE` does"
    )
    assert inside == ""


def test_a_good_dialect_conforms(conforms, steps, site):
    with use_session(steps()):
        from htp.session import current_session

        dialect = current_session().dialects["steps"]
        assert conforms(DialectConformance, dialect, programs=(programs(site).twice,)) == {}
        assert conforms(DialectConformance, current_session().dialects["tile"]) == {}
