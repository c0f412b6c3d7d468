"""Pieces of an HTML page that holds everything it needs: sections that fold, tables, code; no script, no reference.

Knows HTML; does not know what is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from htp.views.drawing import DARK, LIGHT, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Markup(str):
    """Text that is HTML already; any other text is escaped where it is put."""

    __slots__ = ()


def shown(text: str) -> Markup:
    """The text as it is read on a page."""
    return text if isinstance(text, Markup) else Markup(escaped(text))


def joined(parts: Iterable[str]) -> Markup:
    """Several pieces in a row."""
    return Markup("".join(map(shown, parts)))


def section(name: str, title: str, *parts: str, open_: bool = True) -> Markup:
    """A part of the page under a heading that folds it away; `name` is its anchor."""
    state = " open" if open_ else ""
    head = f"<summary><h2>{shown(title)}</h2></summary>"
    return Markup(f'<details class="section" id="{escaped(name)}"{state}>{head}\n{joined(parts)}</details>\n')


def folded(title: str, *parts: str, open_: bool = False) -> Markup:
    """Something that is looked at when it is wanted."""
    return Markup(f"<details{' open' if open_ else ''}><summary>{shown(title)}</summary>\n{joined(parts)}</details>\n")


def paragraph(text: str, role: str = "") -> Markup:
    """A paragraph; `role` is its class."""
    return Markup(f"<p{_class(role)}>{shown(text)}</p>\n")


def code(text: str) -> Markup:
    """Words of a program within a sentence."""
    return Markup(f"<code>{shown(text)}</code>")


def listing(text: str) -> Markup:
    """Lines of a program."""
    lines = "\n".join(escaped(line) for line in text.splitlines())
    return Markup(f"<pre>{lines}</pre>\n")


def tag(text: str, role: str) -> Markup:
    """A word that stands out in the colour of its `role`."""
    return Markup(f'<span class="tag {escaped(role)}">{shown(text)}</span>')


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """A table that scrolls sideways when it is wider than the page."""
    titles = joined(Markup(f"<th>{shown(each)}</th>") for each in head)
    lines = [f"<tr>{joined(Markup(f'<td>{shown(cell)}</td>') for cell in row)}</tr>\n" for row in rows]
    top = f"<thead><tr>{titles}</tr></thead>\n" if any(head) else ""
    return Markup(f'<div class="wide"><table>{top}<tbody>\n{"".join(lines)}</tbody></table></div>\n')


def drawing(svg: str) -> Markup:
    """A drawing in its own frame."""
    return Markup(f'<div class="wide drawing">{svg}</div>\n')


def document(title: str, *parts: str) -> str:
    """The whole page."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n{joined(parts)}</body>\n</html>\n"
    )


def _class(role: str) -> str:
    return f' class="{escaped(role)}"' if role else ""


_LAYOUT = """
:root { color-scheme: light dark; }
body { margin: 0 auto; padding: 1rem 1.5rem 4rem; max-width: 90rem; line-height: 1.45;
  font-family: system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.5rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
h1 code { font-size: inherit; }
h2 { font-size: 1.15rem; display: inline; }
h3 { font-size: 1rem; margin: 1rem 0 0.25rem; }
nav a { margin-right: 1rem; }
summary { cursor: pointer; padding: 0.3rem 0; }
.section { border-top: 1px solid; margin-top: 1.2rem; padding-top: 0.4rem; }
code, pre, .diff { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.82rem; }
pre { overflow-x: auto; padding: 0.7rem; border: 1px solid; border-radius: 4px; max-height: 40rem; }
.wide { overflow-x: auto; margin: 0.4rem 0; }
.drawing svg { max-width: max(100%, 1400px) !important; }
table { border-collapse: collapse; }
th, td { text-align: left; vertical-align: top; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid; }
.diff table { width: 100%; table-layout: fixed; }
.diff td { white-space: pre-wrap; overflow-wrap: anywhere; padding: 0 0.4rem; border-bottom: 0; }
.diff th { font-weight: normal; }
.diff .line { width: 2.6rem; text-align: right; user-select: none; }
.tag { padding: 0 0.4rem; border-radius: 3px; white-space: nowrap; }
"""


def _style() -> str:
    dark = _colours(DARK, good="#1d3a29", bad="#4d1f1f", warn="#46360f", link="#7fb6ef")
    light = _colours(LIGHT, good="#d5f2de", bad="#fbdcdc", warn="#fbeecb", link="#0b57a4")
    return f"{_LAYOUT}{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _colours(colours: dict[str, str], *, good: str, bad: str, warn: str, link: str) -> str:
    return f"""body {{ background: {colours["ground"]}; color: {colours["text"]}; }}
a {{ color: {link}; }}
.quiet, .origin, .diff .line {{ color: {colours["quiet"]}; }}
.section, pre, th, td, .drawing {{ border-color: {colours["rule"]}; }}
.added, .enforced, .lowered, .static, .good {{ background: {good}; }}
.removed, .rejected, .bad {{ background: {bad}; }}
.changed, .ignored {{ background: {warn}; }}
"""
