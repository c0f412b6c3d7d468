"""The pytest plugin: every pass is held to its contract, built things go to a folder of this run, laws are counted.

pytest loads it in every project of an environment that has htp-core, so it imports nothing of HTP by itself and does
nothing to tests that do not ask for it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

LAW = "htp.law"
"""The property of a report that marks a law; its value is why it was skipped, or empty."""
MARK = "htp(targets): the targets of `htp targets` for which a test with the fixture `htp_target` runs"

_folder = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--htp-target`."""
    group = parser.getgroup("htp")
    group.addoption(
        "--htp-target", action="append", default=[], metavar="TARGET",
        help="run tests with the fixture htp_target for this target only (repeatable; all that are installed)",
    )  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """Sets `HTP_VERIFY=all` and a cache of this run, unless the environment says otherwise."""
    config.addinivalue_line("markers", MARK)
    os.environ.setdefault("HTP_VERIFY", "all")
    if "HTP_CACHE_DIR" not in os.environ and "HTP_CACHE" not in os.environ:
        config.stash[_folder] = os.environ["HTP_CACHE_DIR"] = tempfile.mkdtemp(prefix="htp-pytest-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the cache of this run."""
    folder = config.stash.get(_folder, "")
    if folder and os.environ.get("HTP_CACHE_DIR") == folder:
        del os.environ["HTP_CACHE_DIR"]
        shutil.rmtree(folder, ignore_errors=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each target: those of the option, within those of the marker; by default all that are installed."""
    if "htp_target" not in metafunc.fixturenames:
        return
    asked = cast("list[str]", metafunc.config.getoption("--htp-target"))
    marker = metafunc.definition.get_closest_marker("htp")
    marked: list[str] = list(marker.kwargs.get("targets", marker.args)) if marker is not None else []
    chosen = [each for each in asked if not marked or each in marked] if asked else marked or _installed()
    metafunc.parametrize("htp_target", chosen, indirect=True)


@pytest.fixture
def htp_target(request: pytest.FixtureRequest) -> str:
    """The name of a target; skipped where it is not installed."""
    name: str = request.param
    if name not in _installed():
        pytest.skip(f"target {name} is not installed")
    return name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Marks the reports of laws, so that they are counted whoever ran them."""
    report = yield
    if call.when == "call" and getattr(getattr(item, "obj", None), "is_law", False):
        report.user_properties.append((LAW, str(call.excinfo.value) if report.skipped and call.excinfo else ""))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many laws were checked, and which were skipped for which reason."""
    reports = [each for status in ("passed", "failed", "skipped") for each in terminalreporter.stats.get(status, ())]
    laws = [reason for report in reports for reason in _laws(report)]
    if not laws:
        return
    skipped = Counter(reason for reason in laws if reason)
    told = f"htp conformance: {len(laws) - skipped.total()} laws checked, {skipped.total()} skipped"
    terminalreporter.write_line(told + "".join(f"\n  {reason} ×{number}" for reason, number in skipped.items()))  # noqa: RUF001


def _laws(report: object) -> Iterable[str]:
    properties: list[tuple[str, object]] = getattr(report, "user_properties", [])
    return (str(value) for name, value in properties if name == LAW)


def _installed() -> list[str]:
    """The targets of the session in force."""
    try:
        from htp.session import current_session

        return list(current_session().targets)
    except Exception as error:  # a broken installation fails the tests that ask, not the whole run
        sys.stderr.write(f"htp: the installed targets cannot be listed: {error}\n")
        return []
