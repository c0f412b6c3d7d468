"""Generates the reference pages from what is installed: operations, codes, commands, hooks, and what goes together.

Knows how a page looks; the content is in `htp.ops`, in the `codes/*.md` of every plugin, in the parser of `htp` and in
what `htp matrix` finds.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from htp.ops import Op

FAMILIES = {
    "unary": ("Elementwise, one operand", "The same shape as the operand."),
    "binary": ("Elementwise, two operands", "Shapes broadcast as in NumPy; a Python number takes the tile's dtype."),
    "compare": ("Comparisons", "Shapes broadcast; the result is bool_."),
    "logical": ("Logic", "On bool_; shapes broadcast."),
    "select": ("Selection", "Shapes broadcast."),
    "reduce": ("Reductions", "Over one axis, several, or all (`axis=None`); `keepdims=True` keeps them with size 1."),
    "scan": ("Scans", "The same shape as the operand."),
    "matmul": ("Matrix products", "f16, bf16 and fp8 are summed in f32 and give f32; 8-bit integers give i32."),
    "shape": ("Shape", "The elements stay what they are."),
    "make": ("Making tiles", "New tiles out of nothing."),
    "index": ("Indexing", "An index outside its axis ends the run with `run.index-out-of-range`."),
    "mask": ("Masks", "Triangles of the last two axes."),
    "boundary": ("Boundary", "Between tiles and scalars, and to the outside."),
}
KINDS = {"float": "floats", "int": "signed", "uint": "unsigned", "bool": "bool_"}
RESULTS = {
    "same": "as the operand",
    "bool": "bool_",
    "i64": "i64",
    "sum": "as the operand; i64 for bool_",
    "matmul": "f32 for narrow floats, i32 for 8-bit integers, else as the operands",
    "dtype": "the dtype given",
    "none": "nothing",
    "values-and-i64": "as the operand, and i64",
}
CODE = re.compile(r"^## ([a-z0-9]+\.[a-z0-9-]+)\s*$", re.MULTILINE)
INFO = re.compile(r"^```python (wrong|right)\b.*$", re.MULTILINE)


def generate(app: Sphinx) -> None:
    """Writes all generated pages below `reference/`; a page that did not change is left alone."""
    reference = Path(app.srcdir) / "reference"
    pages = {
        **language_pages(),
        **code_pages(),
        "cli.md": cli_page(),
        "hooks.md": hooks_page(),
        "matrix.md": matrix_page(),
        "laws.md": laws_page(),
        "../start/generated/softmax.md": stage_texts(),
    }
    for folder in ("language", "codes"):
        for stale in (reference / folder).glob("*.md"):
            if f"{folder}/{stale.name}" not in pages:
                stale.unlink()
    for name, text in pages.items():
        place = reference / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")


def language_pages() -> dict[str, str]:
    """One page for each family of operations, and an index with a table of all of them."""
    from htp.ops import OPS

    pages: dict[str, str] = {}
    table = ["# The operations of `htp.tile`", "", f"{len(OPS)} operations, generated from the table that the compiler",
             "itself reads.", "", "| operation | operator | on | what it is |", "|---|---|---|---|"]  # fmt: skip
    for op in OPS:
        kinds = ", ".join(text for kind, text in KINDS.items() if kind in op.dtypes)
        link = f"[`{op.name}`]({_page(op.family)}.md#{op.name})"
        table.append(f"| {link} | {_cell(op.operator)} | {kinds} | {op.summary} |")
    present = [family for family in FAMILIES if any(op.family == family for op in OPS)]
    table += ["", "```{toctree}", ":hidden:", "", *map(_page, present), "```", ""]
    pages["language/index.md"] = "\n".join(table)
    for family in present:
        title, note = FAMILIES[family]
        parts = [f"# {title}", "", note, ""]
        for op in OPS:
            if op.family == family:
                parts += [*_operation(op), ""]
        pages[f"language/{_page(family)}.md"] = "\n".join(parts)
    return pages


def _page(family: str) -> str:
    """The page of a family; `index` is taken by the table of all operations."""
    return "indexing" if family == "index" else family


def _operation(op: Op) -> list[str]:
    """Signature, meaning, dtypes and a worked example whose result was computed for this page."""
    kinds = ", ".join(text for kind, text in KINDS.items() if kind in op.dtypes)
    lines = [f"## {op.name}", "", "```text", f"tile.{op.signature}", "```", "", op.summary]
    if op.operator:
        lines.append(f"Written `{op.operator}x`." if op.family == "unary" else f"Written `a {op.operator} b`.")
    if op.formula:
        lines += ["", "```text", op.formula, "```"]
    lines += ["", f"Takes {kinds}; the result is {RESULTS[op.result]}.", ""]
    return [*lines, "```pycon", f">>> {op.example}", *_result(op.example), "```"]


def _result(example: str) -> list[str]:
    """What Python prints for the example, line by line."""
    import htp
    from htp.names import DTYPES

    names: dict[str, object] = {name: getattr(htp, name) for name in (*DTYPES, "tile")}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        value: object = eval(example, names)
        if value is not None:
            print(repr(value))
    return printed.getvalue().splitlines()


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def code_pages() -> dict[str, str]:
    """One page for each owner of codes, and an index of all codes."""
    owners: dict[str, str] = {}
    for package in sorted({each.value.split(".")[0] for each in entry_points(group="htp.plugins")}):
        folder = files(package) / "codes"
        if folder.is_dir():
            for page in sorted(folder.iterdir(), key=lambda each: each.name):
                if page.name.endswith(".md"):
                    owners[page.name.removesuffix(".md")] = page.read_text(encoding="utf-8")
    pages: dict[str, str] = {}
    index = ["# Codes", "", "Every refusal has a code; `htp explain CODE` prints the same text in the terminal.", ""]
    for owner, text in sorted(owners.items()):
        pages[f"codes/{owner}.md"] = _owner_page(owner, text)
        index += [f"## {owner}", ""]
        index += [f"- [`{code}`](#{_anchor(code)})" for code in _codes(text)]
        index.append("")
    index += ["```{toctree}", ":hidden:", "", *sorted(owners), "```", ""]
    pages["codes/index.md"] = "\n".join(index)
    return pages


def _codes(text: str) -> list[str]:
    return CODE.findall(text)


def _anchor(code: str) -> str:
    return code.replace(".", "-")


def _owner_page(owner: str, text: str) -> str:
    """The owner's file with an anchor before every code and its two programs named."""
    body = re.sub(r"\A# .*\n", "", text)
    body = CODE.sub(lambda m: f"({_anchor(m[1])})=\n## {m[1]}\n", body)
    names = {"wrong": "Refused:", "right": "Accepted:"}
    body = INFO.sub(lambda m: f"{names[m[1]]}\n\n```python", body)
    return f"# Codes of `{owner}`\n\n{body.strip()}\n"


def stage_texts() -> str:
    """The first stage of softmax, the last with whole tiles, the last of all, and the C++."""
    import htp
    from htp_backend_cpu.demos.softmax import softmax

    with tempfile.TemporaryDirectory() as folder:
        package = htp.compile_program(softmax, target="cpu", out=Path(folder) / "softmax")
        texts = {f"{each.number} {each.pass_}": package.stage_text(each.id) for each in package.stages}
        source = package.text("codegen/cpu/softmax.cpp")
    names = list(texts)
    tiles = [name for name in names if "htp.loops" not in texts[name]]
    shown = [(f"Stage {name}", "python", texts[name]) for name in dict.fromkeys((names[0], tiles[-1], names[-1]))]
    shown.append(("codegen/cpu/softmax.cpp", "cpp", source.partition('\nextern "C"')[0]))
    blocks = [f"```{{code-block}} {language}\n:caption: {title}\n\n{text}```\n" for title, language, text in shown]
    return "\n".join(blocks)


def hooks_page() -> str:
    """Every hook with its signature and meaning."""
    from htp import hooks

    parts = [
        "# Hooks", "",
        "A plugin implements those it needs, as functions of its module marked `@htp.hooks.hookimpl`;",
        "[How plugins are loaded](../extending/plugins.md) says what becomes of them.", "",
        "## Contributions", "",
        "They take nothing, have no effect, and return tuples of declarations that never change.", "",
        *map(_hook, hooks.CONTRIBUTIONS),
        "## Events", "",
        "They are called with keywords; an implementation names those it wants. Core's plugins come first, then the",
        "others by name; `tryfirst` and `trylast` put one before or behind them all.", "",
        *map(_hook, hooks.EVENTS),
    ]  # fmt: skip
    return "\n".join(parts)


def _hook(name: str) -> str:
    from htp import hooks

    function = getattr(hooks, name)
    signature = str(inspect.signature(function)).replace("'", "")
    return f"### {name}\n\n```text\n{name}{signature}\n```\n\n{inspect.getdoc(function)}\n"


def laws_page() -> str:
    """The laws of every conformance class, from their docstrings."""
    from htp import testing

    head = "What `htp.testing` checks of each kind of extension; see [Conformance](../extending/conformance.md)."
    lines = ["# Laws", "", head, ""]
    for name in (each for each in testing.__all__ if each.endswith("Conformance") and each != "Conformance"):
        unit = getattr(testing, name)
        lines += [f"## {name}", "", (unit.__doc__ or "").strip().split("\n\n", 1)[0], "", "| law | |", "|---|---|"]
        for law in unit.laws():
            text = " ".join((getattr(unit, law).__doc__ or "").split())
            lines.append(f"| {law.removeprefix('test_').replace('_', ' ')} | {text} |")
        lines.append("")
    return "\n".join(lines)


def matrix_page() -> str:
    """What every installed unit and target make of each other."""
    from htp.tools.matrix import markdown, matrix

    head = [
        "# What goes together", "",
        "Every installed unit against every target, computed from the contracts: `ok`, or the code of the refusal.",
        "`htp matrix` prints the same for what is installed with you.", "",
    ]  # fmt: skip
    return "\n".join((*head, *markdown(matrix()), ""))


def cli_page() -> str:
    """The help of every command as it is printed."""
    verbs = re.findall(r"^    ([a-z-]+)\b", _help(), re.MULTILINE)
    parts = [
        "# Commands", "",
        "`htp` and `python -m htp` are the same. Answers go to standard output, progress to standard error;",
        "`--format json` prints one `htp.report/1` object, `jsonl` one diagnostic on each line and the report last,",
        "`sarif` a SARIF 2.1.0 log. All commands share their [exit codes](exit-codes.md).", "",
    ]  # fmt: skip
    for verb in verbs:
        parts += [f"## {verb}", "", "```text", _help(verb).rstrip(), "```", ""]
    return "\n".join(parts)


def _help(*verb: str) -> str:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHON_COLORS": "0"}
    command = [sys.executable, "-m", "htp", *verb, "--help"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
