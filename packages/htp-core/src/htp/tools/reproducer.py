"""What an internal error leaves behind: a file with everything needed to see it again.

Knows exceptions; does not know what was being done.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from htp._version import __version__
from htp.diagnostics import Diagnostic
from htp.report import Exit, OutputFile
from htp.tools.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Sequence


def internal(error: Exception, words: Sequence[str]) -> Answer:
    """The answer to a command in which HTP itself failed."""
    path = write_reproducer(error, words)
    where = (f"everything needed to see it again is in {path}",) if path else ("no file could be written",)
    diagnostic = Diagnostic(
        code="internal.bug",
        message=f"HTP has a bug: {type(error).__name__}: {error}".splitlines()[0][:300],
        notes=where,
        help=("please report it with that file",) if path else (),
    )
    files = (OutputFile(path=str(path), kind="reproducer"),) if path else ()
    return Answer(exit=Exit.INTERNAL, diagnostics=(diagnostic,), files=files)


def write_reproducer(error: Exception, words: Sequence[str]) -> Path | None:
    """Writes command, versions, traceback and the named files of the user; `None` if nothing can be written."""
    text = "\n".join(
        (
            f"command: htp {shlex.join(words)}",
            f"htp-core: {__version__}",
            f"python: {platform.python_version()} on {platform.platform()}",
            f"variables: {', '.join(sorted(name for name in os.environ if name.startswith('HTP_'))) or 'none'}",
            "",
            "".join(traceback.format_exception(error)),
            *_sources(words),
        )
    )
    name = f"htp-bug-{hashlib.sha256(text.encode()).hexdigest()[:12]}.txt"
    for folder in (Path(os.environ.get("HTP_BUG_DIR") or tempfile.gettempdir()), Path.cwd()):
        try:
            (folder / name).write_text(text, encoding="utf-8")
        except OSError:
            continue
        return folder / name
    sys.stderr.write(text)
    return None


def _sources(words: Sequence[str]) -> list[str]:
    found: list[str] = []
    for word in words:
        path = Path(word.rpartition(":")[0] or word)
        if path.suffix == ".py" and path.is_file():
            try:
                found += [f"--- {path}", path.read_text(encoding="utf-8", errors="replace")]
            except OSError:
                continue
    return found
