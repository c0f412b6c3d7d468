"""Running the programs on the pages of diagnostic codes, each in a folder of its own, and what each was refused with.

Knows programs as texts; `plugins` knows what they must do. Run as a module it is the process that `run_snippets`
starts, so that no program meets or leaves anything in the caller's.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import os
import re
import subprocess
import sys
import tempfile
import types
from typing import TYPE_CHECKING

import msgspec

from htp.artifact.manifest import Record
from htp.diagnostics import Bug, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ending", "Snippet", "run_snippets"]

SECONDS = 600.0
_PRINTED = re.compile(r"^error\[([a-z0-9_.-]+)\]", re.MULTILINE)
"""What a command that ends by itself says on standard error."""


class Snippet(Record, frozen=True, kw_only=True):
    """A program and what it is called in messages."""

    name: str
    text: str


class Ending(Record, frozen=True, kw_only=True):
    """How a program ended: with codes, with another failure, or well."""

    codes: tuple[str, ...] = ()
    failure: str = ""


def run_snippets(snippets: Sequence[Snippet]) -> tuple[Ending, ...]:
    """How each program ended, in order; all run in one fresh process, one after the other.

    Raises:
        Refused: `replay.stage-failed` when the process itself dies.
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-P", "-m", "htp.testing.snippets"]
    done = subprocess.run(
        command, input=msgspec.json.encode(snippets), env=environment, capture_output=True, check=False, timeout=SECONDS
    )
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise Refused("replay.stage-failed", f"the process that runs the programs ended with {done.returncode}: {last}")
    return msgspec.json.decode(done.stdout, type=tuple[Ending, ...])


def _ending(snippet: Snippet, errors: io.StringIO) -> Ending:
    file = f"<{snippet.name}>"
    linecache.cache[file] = (len(snippet.text), None, snippet.text.splitlines(keepends=True), file)
    module = types.ModuleType("htp_snippet")
    vars(module)["__file__"] = file
    former = set(sys.modules)
    sys.modules[module.__name__] = module
    try:
        exec(compile(snippet.text, file, "exec"), vars(module))
    except Refused as refused:
        return Ending(codes=tuple(dict.fromkeys(each.code for each in refused.diagnostics)))
    except Bug:
        return Ending(codes=("internal.bug",))
    except (Exception, SystemExit) as error:
        printed = tuple(dict.fromkeys(_PRINTED.findall(errors.getvalue())))
        return Ending(codes=printed, failure="" if printed else f"{type(error).__name__}: {error}")
    finally:
        for name in set(sys.modules) - former:
            if getattr(sys.modules[name], "__spec__", None) is None or _here(sys.modules[name]):
                del sys.modules[name]
    return Ending()


def _here(module: object) -> bool:
    """Whether a module lies in the folder of the program that is running."""
    return str(getattr(module, "__file__", None) or "").startswith(os.getcwd())


def _main() -> None:
    snippets = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Snippet, ...])
    environment, home, path = dict(os.environ), os.getcwd(), list(sys.path)
    endings: list[Ending] = []
    for each in snippets:
        errors = io.StringIO()
        with (
            tempfile.TemporaryDirectory(prefix="htp-page-") as folder,
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(errors),
        ):
            os.chdir(folder)
            endings.append(_ending(each, errors))
            os.chdir(home)
        os.environ.clear()
        os.environ.update(environment)
        sys.path[:] = path
    sys.stdout.buffer.write(msgspec.json.encode(endings))


if __name__ == "__main__":
    _main()
