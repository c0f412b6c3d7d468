"""Every combination that cannot work is refused with its code, at the user's line, and its mended form is accepted."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import combination_ascend
import combination_language
import combination_networks
import combination_plugins
import combination_workloads
import pytest
from combination_ascend import ROWS, WINDOW
from combination_kit import COPY, scheduled, source
from combinations import COMBINATIONS, WAITING

import htp
from htp.cli import main
from htp.diagnostics import Refused, render

THEMES = (
    combination_language,
    combination_plugins,
    combination_workloads,
    combination_networks,
    combination_ascend,
)
CASES = {number: case for theme in THEMES for number, case in theme.CASES.items()}


@pytest.mark.parametrize("number", sorted(CASES))
def test_the_combination_is_refused_and_its_mended_form_accepted(number: int, tmp_path: Path) -> None:
    case = CASES[number]
    wrong, right = tmp_path / "wrong", tmp_path / "right"
    wrong.mkdir()
    right.mkdir()
    with pytest.raises(Refused) as refused:
        case.wrong(wrong)
    found = refused.value.diagnostic
    text = render(found)
    assert found.code == case.code, text
    assert all(each in text for each in case.says), text
    assert len(text.splitlines()) <= 15, text
    assert found.help, f"no way to mend it is shown: {text}"
    if case.line:
        assert found.span is not None, text
        shown = Path(found.span.file).read_text().splitlines()[found.span.line - 1]
        assert case.line in shown, text
    case.right(right)


def test_a_window_of_the_runtime_never_aborts(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        scheduled(WINDOW.replace("(3)", '(8, mode="abort")'), target="pto:a2a3")(tmp_path)
    assert refused.value.code == "pto.window"
    assert "cannot abort" in render(refused.value.diagnostic)


def test_a_device_without_its_toolchain_is_refused_with_what_still_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASCEND_HOME_PATH", raising=False)
    package = source(ROWS, target="pto:a2a3")(tmp_path)
    with pytest.raises(Refused) as refused:
        htp.bind(package, mode="device")
    text = render(refused.value.diagnostic)
    assert refused.value.code == "pto.no-device"
    assert all(each in text for each in ("ASCEND_HOME_PATH", 'mode="sim"'))
    assert main(["run", str(tmp_path / "package"), "--mode", "device"]) == 4


def test_every_combination_has_a_case_or_waits_for_a_package() -> None:
    assert [each.number for each in COMBINATIONS] == list(range(1, 36))
    due = [each.number for each in COMBINATIONS if not WAITING.intersection(each.packages)]
    assert sorted(number for theme in THEMES for number in theme.CASES) == due


def test_no_package_that_is_here_is_waited_for() -> None:
    installed = {each.name for each in importlib.metadata.distributions()}
    named = {package for each in COMBINATIONS for package in each.packages}
    assert named - installed == WAITING


def test_a_missing_toolchain_ends_the_command_with_4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source(COPY)(tmp_path)
    monkeypatch.setenv("HTP_CXX", "no-such-compiler")
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    assert main(["run", str(tmp_path / "package")]) == 4
    assert main(["verify", str(tmp_path / "package"), "--level", "2"]) == 0
