"""The pages of diagnostic codes: sections of the Markdown files that ship with core and every plugin.

Knows the form of a page; does not know who raises a code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SECTION = re.compile(r"^## +`?([a-z][a-z0-9-]*\.[a-z0-9-]+)`?[ \t]*$", re.MULTILINE)
_BLOCK = re.compile(r"^```python (wrong|right)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """What is known about one code; `wrong` and `right` are programs, empty where there is none."""

    code: str
    summary: str
    text: str
    wrong: str = ""
    right: str = ""
    origin: str = ""


def parse_pages(text: str, origin: str = "") -> tuple[Page, ...]:
    r"""The sections of one file, in order.

    >>> parse_pages("## a.b\n\nOne line.\n\nMore.\n")[0].summary
    'One line.'
    """
    marks = list(_SECTION.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)][: len(marks)]
    return tuple(_page(mark[1], text[mark.end() : end].strip(), origin) for mark, end in zip(marks, ends, strict=True))


def _page(code: str, body: str, origin: str) -> Page:
    blocks = {match[1]: match[2] for match in _BLOCK.finditer(body)}
    prose = _BLOCK.sub("", body).strip()
    summary = " ".join(prose.split("\n\n", 1)[0].split())
    return Page(code, summary, body, blocks.get("wrong", ""), blocks.get("right", ""), origin)


def core_pages() -> tuple[Page, ...]:
    """The pages of core, by code."""
    found = [
        page
        for entry in files("htp").joinpath("codes").iterdir()
        if entry.name.endswith(".md")
        for page in parse_pages(entry.read_text(encoding="utf-8"), "htp-core")
    ]
    return tuple(sorted(found, key=lambda page: page.code))


def all_pages() -> tuple[Page, ...]:
    """The pages of core and of every plugin that was loaded, by code; the first page of a code counts."""
    pages: dict[str, Page] = {}
    for page in (*core_pages(), *_plugin_pages()):
        pages.setdefault(page.code, page)
    return tuple(pages[code] for code in sorted(pages))


def _plugin_pages() -> Iterator[Page]:
    from htp.session import current_session

    for plugin, file, text in current_session().code_files():
        pages = parse_pages(text, plugin.found.owner)
        yield from (page for page in pages if page.code.startswith(f"{file.owner}."))


def find(code: str, pages: Iterable[Page]) -> Page | None:
    """The page of a code."""
    return next((page for page in pages if page.code == code), None)
