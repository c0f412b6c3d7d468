"""Starting an extension: a complete package of one kind, written from a template under a name of one's own.

Knows names and files; what an extension of a kind consists of is in `htp/templates/<kind>/`.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.session import current_session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

    from htp.session import Session

KINDS = ("dialect", "intrinsics", "layout", "pass", "backend")
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
PLACEHOLDER = "your-name"
"""What the author's name is called in a template, and with `_` where it stands in an identifier."""


@dataclass(frozen=True)
class NewPackage:
    """A package that was written: its folder, its distribution, and its files relative to the folder."""

    path: Path
    distribution: str
    files: tuple[str, ...]


def new_package(kind: str, name: str, out: Path | str | None = None) -> NewPackage:
    """Writes a package `htp-<kind>-<name>` into the new folder `out` (default: of that name, in the current one).

    Raises:
        Refused: `cli.bad-name`, `cli.name-taken`, `cli.folder-exists`.
    """
    _check_name(name, current_session())
    distribution = f"htp-{kind}-{name}"
    folder = Path(out) if out is not None else Path(distribution)
    if folder.exists():
        raise Refused(
            "cli.folder-exists",
            f"{str(folder)!r} is there already, and nothing in it is touched",
            help=f"htp new {kind} {name} -o another-folder",
        )
    written = {_named(path, name): _named(text, name) for path, text in _texts(files("htp") / "templates" / kind)}
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return NewPackage(folder, distribution, tuple(sorted(written)))


def _check_name(name: str, session: Session) -> None:
    if not SLUG.fullmatch(name) or keyword.iskeyword(name):
        near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        why = "a word of Python" if keyword.iskeyword(name) else "not of lower-case letters, digits and single hyphens"
        fits = SLUG.fullmatch(near) and not keyword.iskeyword(near)
        raise Refused(
            "cli.bad-name",
            f"an extension cannot be called {name!r}: that is {why}",
            help=f"write {near!r}" if fits else "write a name such as 'halo' or 'ring-buffer'",
        )
    owner = dict(_taken(session)).get(name.replace("-", "_"))
    if owner is not None:
        raise Refused(
            "cli.name-taken",
            f"{owner} has the name {name!r} already",
            help="choose another name, or uninstall that package first",
        )


def _taken(session: Session) -> Iterator[tuple[str, str]]:
    """Every name in use, as an identifier, with who has it: plugins, what they contribute, and owners of codes."""
    for plugin in session.plugins:
        who = f"plugin `{plugin.name}`"
        yield plugin.name.replace("-", "_"), who
        for _, items in plugin.contributions:
            for item in items:
                for word in (getattr(item, "name", ""), getattr(item, "KIND", "")):
                    if isinstance(word, str):
                        yield word.replace("-", "_"), who


def _named(text: str, name: str) -> str:
    return text.replace(PLACEHOLDER, name).replace(PLACEHOLDER.replace("-", "_"), name.replace("-", "_"))


def _texts(folder: Traversable, above: str = "") -> Iterator[tuple[str, str]]:
    """The files of a template by path; what Python leaves beside them is not one."""
    for each in sorted(folder.iterdir(), key=lambda each: each.name):
        if each.is_dir() and each.name != "__pycache__":
            yield from _texts(each, f"{above}{each.name}/")
        elif each.is_file():
            yield f"{above}{each.name}", each.read_text(encoding="utf-8")
