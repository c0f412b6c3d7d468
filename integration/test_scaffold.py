"""What `htp new` writes installs, is in force, passes its own tests and conforms, untouched."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from installing import Place

from htp.cli import main
from htp.tools.new import KINDS

LONG = os.environ.get("HTP_TEST_LONG") == "1"
# The kinds whose packages are tested and held to the laws.
TRIED = KINDS if LONG else ("pass",)
NAMES = {kind: f"my-own-{kind}" for kind in KINDS}


@dataclass(frozen=True)
class Made:
    """One new package of every kind, all installed in one place."""

    place: Place
    packages: dict[str, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("new")
    packages = {kind: folder / f"a {kind}" for kind in KINDS}
    for kind, path in packages.items():
        assert main(["new", kind, NAMES[kind], "-o", str(path)]) == 0
    place = Place(folder / "site")
    place.install(packages.values())
    return Made(place, packages)


def files(package: Path) -> list[str]:
    return sorted(str(each.relative_to(package)) for each in package.rglob("*") if each.is_file())


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_complete_and_small(tmp_path, kind) -> None:
    assert main(["new", kind, "ring", "-o", str(tmp_path / kind)]) == 0
    found = files(tmp_path / kind)
    assert len(found) <= 8
    source = f"src/htp_{kind}_ring"
    wanted = {"README.md", "pyproject.toml", f"{source}/plugin.py", f"{source}/py.typed", "tests/test_ring.py"}
    assert wanted <= {*found}
    for each in found:
        assert not re.search(r"your.name", (tmp_path / kind / each).read_text(encoding="utf-8")), each


def test_every_kind_is_in_force(made: Made) -> None:
    _, said = made.place.python("-m", "htp", "plugins", "--format", "json")
    found = {each["name"]: each for each in json.loads(said)["result"]["plugins"]}
    for kind, name in NAMES.items():
        assert found[name]["status"] == "active", found[name]
        assert found[name]["distribution"] == f"htp-{kind}-{name}"


@pytest.mark.parametrize("kind", TRIED)
def test_its_own_tests_pass(made: Made, kind: str) -> None:
    code, said = made.place.python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=made.packages[kind])
    assert code == 0, said
    assert re.search(r"^\d+ passed", said, re.MULTILINE), said


@pytest.mark.parametrize("kind", TRIED)
def test_it_conforms(made: Made, kind: str) -> None:
    code, said = made.place.python("-m", "htp", "conform", NAMES[kind])
    assert code == 0, said


def test_new_says_how_to_go_on(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "pass", "ring"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[0] == "htp-pass-ring: 7 files, package htp-pass-ring"
    assert [each.strip() for each in said.err.splitlines()] == [
        "install: pip install -e 'htp-pass-ring[test]'",
        "test: python -m pytest htp-pass-ring",
        "check: htp conform ring",
    ]


@pytest.mark.parametrize(
    ("name", "code", "help"),
    [
        ("Ring_Buffer", "cli.bad-name", "write 'ring-buffer'"),
        ("2d", "cli.bad-name", None),
        ("class", "cli.bad-name", None),
        ("ring--buffer", "cli.bad-name", "write 'ring-buffer'"),
        ("../ring", "cli.bad-name", "write 'ring'"),
        ("tile", "cli.name-taken", None),
        ("cpu", "cli.name-taken", None),
        ("strided", "cli.name-taken", None),
        ("plan", "cli.name-taken", None),
    ],
)
def test_a_name_that_cannot_be_is_refused_and_nothing_is_written(
    tmp_path, capsys, monkeypatch, name, code, help
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "layout", name, "--format", "json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["code"] == code
    assert help is None or found["help"] == [help]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys) -> None:
    (tmp_path / "mine").write_text("text", encoding="utf-8")
    assert main(["new", "layout", "ring", "-o", str(tmp_path / "mine"), "--format", "json"]) == 2
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["code"] == "cli.folder-exists"
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "text"
