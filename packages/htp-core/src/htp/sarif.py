"""The diagnostics of a report as a SARIF 2.1.0 log, which editors and code hosts read.

Knows the form of a log (OASIS, "Static Analysis Results Interchange Format Version 2.1.0 Plus Errata 01", 2023); does
not know any command.
"""

from __future__ import annotations

import hashlib
import linecache
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from htp.report import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.diagnostics import Diagnostic, Span
    from htp.report import Report
    from htp.tools.codes import Page

__all__ = ["sarif_log"]

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "htp/v1"

Object = dict[str, object]


def sarif_log(report: Report, pages: Mapping[str, Page]) -> bytes:
    """The log of one run: a rule for each code that occurs, with its page, and a result for each diagnostic."""
    codes = sorted({each.code for each in report.diagnostics})
    run: Object = {
        "tool": {"driver": {
            "name": "htp",
            "version": report.htp.core if report.htp is not None else "",
            "rules": [_rule(code, pages.get(code)) for code in codes],
        }},
        "invocations": [{
            "arguments": list(report.argv),
            "executionSuccessful": report.exit in (Exit.YES, Exit.NO, Exit.PROGRAM),
            "exitCode": report.exit,
        }],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in report.diagnostics],
    }  # fmt: skip
    log: Object = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log, order="sorted"), indent=2) + b"\n"


def _rule(code: str, page: Page | None) -> Object:
    rule: Object = {"id": code}
    if page is not None:
        rule["shortDescription"] = {"text": page.summary}
        rule["help"] = {"text": page.text, "markdown": page.text}
    return rule


def _result(diagnostic: Diagnostic, rule: int) -> Object:
    result: Object = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": "\n".join((diagnostic.message, *(f"help: {hint}" for hint in diagnostic.help)))},
        "locations": [_location(diagnostic.span, diagnostic.label)] if diagnostic.span is not None else [],
        "partialFingerprints": {FINGERPRINT: _fingerprint(diagnostic)},
        "properties": {"chain": diagnostic.chain, "notes": diagnostic.notes, "help": diagnostic.help},
    }
    if diagnostic.labels:
        result["relatedLocations"] = [_location(each.span, each.text) for each in diagnostic.labels]
    return result


def _location(span: Span, text: str) -> Object:
    region: Object = {"startLine": max(1, span.line), "startColumn": max(1, span.column)}
    if span.end_line:
        region |= {"endLine": span.end_line, "endColumn": span.end_column}
    physical: Object = {"artifactLocation": {"uri": _uri(span.file)}, "region": region}
    return {"physicalLocation": physical, **({"message": {"text": text}} if text else {})}


def _uri(file: str) -> str:
    """A path below the working directory relative to it; any other absolute path as a file URI."""
    path = Path(file)
    if not path.is_absolute():
        return quote(PurePath(file).as_posix())
    here = Path.cwd()
    return quote(path.relative_to(here).as_posix()) if path.is_relative_to(here) else path.as_uri()


def _fingerprint(diagnostic: Diagnostic) -> str:
    """Says which findings are the same after lines have moved: code, message and the text of the line."""
    span = diagnostic.span
    line = linecache.getline(span.file, span.line).strip() if span is not None else ""
    place = PurePath(span.file).name if span is not None else ""
    return hashlib.sha256("\n".join((diagnostic.code, place, line, diagnostic.message)).encode()).hexdigest()
