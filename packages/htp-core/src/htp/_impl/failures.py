"""What is left of a plugin's hook that failed: a diagnostic, and the traceback in a log file.

Knows exceptions of plugins; `session` decides whether the work goes on.
"""

from __future__ import annotations

import os
import re
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from htp.diagnostics import Refused

if TYPE_CHECKING:
    from htp.plugins import Found


def failed(found: Found, where: str, error: BaseException) -> Refused:
    """The refusal that names the plugin, where it failed, and the file that holds the traceback."""
    log = _write_log(found, where, error)
    return Refused(
        "plugin.raised",
        f"{found} failed {where}: {first_line(error)}",
        notes=(f"traceback: {log}",) if log else (),
        help=f"HTP_DISABLE_PLUGINS={found.name}",
    )


def first_line(error: BaseException) -> str:
    """The exception's class and the first line of its text.

    >>> first_line(OSError("disk")), first_line(KeyError())
    ('OSError: disk', 'KeyError')
    """
    try:
        text = next(iter(str(error).splitlines()), "")
    except Exception:  # the text of an exception is the plugin's code too
        text = ""
    return f"{type(error).__name__}: {text}".removesuffix(": ")


def _write_log(found: Found, where: str, error: BaseException) -> Path | None:
    """The file with the traceback, which replaces that of an earlier failure; `None` if nothing can be written."""
    from htp.cache import Cache

    cache = Cache.open()
    # A private cache ends with the process, and somebody is to read this afterwards.
    folder = Path(tempfile.gettempdir()) if cache.private else cache.root / "logs"
    path = folder / f"plugin-{re.sub(r'[^A-Za-z0-9._-]', '_', found.name)}.log"
    try:
        text = "".join(traceback.format_exception(error))
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_text(f"{found} failed {where}\n\n{text}", encoding="utf-8")
        unfinished.replace(path)
    except Exception:
        return None
    return path
