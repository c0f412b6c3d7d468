"""Loading the user's program from a file: `gelu.py:gelu`.

Knows Python files; does not know what is done with the program.
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, cast

from htp.catalogue import distribution_of_module, install_hint
from htp.diagnostics import Refused, Span
from htp.language import Definition

if TYPE_CHECKING:
    from types import ModuleType


def split_entry(text: str) -> tuple[Path, str]:
    """The file and the entry of `FILE:ENTRY`; the entry may be missing.

    >>> split_entry("kernels/gelu.py:gelu")[1]
    'gelu'
    """
    head, separator, tail = text.rpartition(":")
    if separator and tail.isidentifier():
        return Path(head), tail
    return Path(text), ""


def load_module(path: Path) -> ModuleType:
    """Runs the user's file as a module and returns it.

    Raises:
        Refused: `cli.no-such-file`, `capture.syntax-error`, `capture.import-failed`, `plan.no-provider` for a known
            package that is not installed, or what the file itself raised.
    """
    if not path.is_file():
        raise Refused(
            "cli.no-such-file", f"there is no file {str(path)!r}", help="write FILE:ENTRY, as in gelu.py:gelu"
        )
    name = f"htp_user_{path.stem}" if path.stem.isidentifier() else "htp_user_program"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Refused("cli.no-such-file", f"{str(path)!r} is not a Python file", help="its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    folder = str(path.absolute().parent)
    sys.modules[name] = module
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    except Refused:
        raise
    except SyntaxError as error:
        raise _syntax_error(error, path) from error
    except ValueError as error:
        if "null bytes" not in str(error):  # what Python 3.11 says instead of a syntax error
            raise _import_failed(error, path) from error
        raise Refused("capture.syntax-error", f"{path.name} is not valid Python: it holds null bytes") from error
    except (Exception, SystemExit) as error:
        raise _import_failed(error, path) from error
    return module


def load_definition(text: str) -> Definition[..., object]:
    """The decorated function that `FILE:ENTRY` names; `FILE` alone will do if it holds only one kernel or routine.

    Raises:
        Refused: as `load_module`, `cli.no-such-entry`, `cli.not-a-program`, `cli.entry-needed`.
    """
    return load_scheduled(text)[0]


def load_scheduled(text: str, schedule: str | None = None) -> tuple[Definition[..., object], object]:
    """The program that `FILE:ENTRY` names, and the object that `NAME`, in the same file, or `FILE:NAME` names.

    Raises:
        Refused: as `load_definition` and `load_object`.
    """
    path, entry = split_entry(text)
    module = load_module(path)
    program = _entry_of(module, path, entry)
    if not schedule:
        return program, None
    return program, _named(module, schedule, path) if schedule.isidentifier() else load_object(schedule, path)


def _entry_of(module: ModuleType, path: Path, entry: str) -> Definition[..., object]:
    known = programs_of(module)
    if entry:
        found: object = getattr(module, entry, None)
        if isinstance(found, Definition):
            return cast("Definition[..., object]", found)
        if found is not None:
            raise Refused(
                "cli.not-a-program",
                f"{entry} in {path.name} is a {type(found).__name__}, not a kernel or routine",
                help="decorate it with @htp.kernel or @htp.routine",
            )
        near = difflib.get_close_matches(entry, known, 1) or sorted(known)[:1]
        raise Refused(
            "cli.no-such-entry",
            f"{path.name} has no {entry!r}",
            notes=(f"it has {', '.join(sorted(known)) or 'no kernel and no routine'}",),
            help=f"write {path.name}:{near[0]}" if near else "decorate a function with @htp.kernel",
        )
    if len(known) == 1:
        return next(iter(known.values()))
    raise Refused(
        "cli.entry-needed",
        f"{path.name} holds {len(known)} programs",
        notes=(f"it has {', '.join(sorted(known))}",) if known else (),
        help=f"write {path.name}:{min(known)}" if known else "decorate a function with @htp.kernel",
    )


def load_object(text: str, beside: Path) -> object:
    """Any object that `NAME`, in the file `beside`, or `FILE:NAME` names.

    Raises:
        Refused: as `load_module`, and `cli.no-such-entry`.
    """
    path, name = (beside, text) if text.isidentifier() else split_entry(text)
    return _named(load_module(path), name, path)


def _named(module: ModuleType, name: str, path: Path) -> object:
    found: object = getattr(module, name, None)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, [each for each in vars(module) if not each.startswith("_")], 1)
    raise Refused(
        "cli.no-such-entry",
        f"{path.name} has no {name!r}",
        help=f"did you mean {near[0]}?" if near else f"define {name} in {path.name}",
    )


def programs_of(module: ModuleType) -> dict[str, Definition[..., object]]:
    """The kernels, routines and other programs that a module defines itself."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, Definition) and value.kind != "func" and value.__module__ == module.__name__
    }


def _syntax_error(error: SyntaxError, path: Path) -> Refused:
    line, column = max(1, error.lineno or 1), max(1, error.offset or 1)
    end = error.end_offset if error.end_lineno == error.lineno and error.end_offset else column + 1
    span = Span(
        file=error.filename or str(path), line=line, column=column, end_line=line, end_column=max(end, column + 1)
    )
    return Refused("capture.syntax-error", f"{path.name} is not valid Python: {error.msg}", span=span)


def _import_failed(error: BaseException, path: Path) -> Refused:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).absolute() == path.absolute()]
    span = None
    if own and own[-1].lineno is not None:
        frame = own[-1]
        line, column = frame.lineno or 1, (frame.colno or 0) + 1
        end = frame.end_colno + 1 if frame.end_colno and frame.end_lineno == frame.lineno else 0
        span = Span(file=str(path), line=line, column=column, end_line=line if end else 0, end_column=end)
    missing = error.name or "" if isinstance(error, ModuleNotFoundError) else ""
    if distribution := distribution_of_module(missing):
        return Refused(
            "plan.no-provider",
            f"{path.name} cannot be compiled: it imports `{missing}`, which is not installed",
            span=span,
            label=f"needs `{distribution}`",
            help=install_hint(distribution),
        )
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Refused("capture.import-failed", f"{path.name} cannot be imported: {reason}", span=span)
