"""Whose text the compiler refuses: a handler's, when what it said points there.

Knows how compilers name lines; does not know what is wrong with them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from htp.diagnostics import Refused
from htp.loops import span_of

if TYPE_CHECKING:
    from htp_backend_cpu.abi import SourceMap

# `name.cpp:12:5: error: …`, as GCC and Clang write it.
MESSAGE = re.compile(r"^[^\s:]+:\d+:(?:\d+:)? (?:fatal )?error: (.*)$", re.MULTILINE)


def handler_at_fault(said: str, mapped: SourceMap, source: str) -> Refused | None:
    """The refusal of a program whose handler wrote a line that the compiler points at; None if it points elsewhere."""
    name = mapped.file.rpartition("/")[2]
    lines = {each.line: each for each in mapped.lines if each.handler is not None}
    numbers = (int(each) for each in re.findall(rf"\b{re.escape(name)}:(\d+)", said))
    found = next((lines[each] for each in numbers if each in lines), None)
    if found is None or found.handler is None:
        return None
    message = MESSAGE.search(said)
    notes = [message.group(1)] if message else []
    return Refused(
        "cpu.bad-handler",
        f"the handler of {found.handler} for the CPU wrote C++ that does not compile",
        span=span_of(found.origin) if found.origin is not None else None,
        notes=(*notes, f"{name}:{found.line}: {source.splitlines()[found.line - 1].strip()}"),
        help="report it to the authors of the handler; logs/build.txt of the package has all that the compiler said",
    )
