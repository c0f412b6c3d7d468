"""Options of core's tests, and a folder in which they make plugin distributions."""

import importlib
import importlib.util
import json
import os
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import settings

HEAD = """
from dataclasses import dataclass, field
from htp.capabilities import Capability, Typed
from htp.declarations import Backend, Binding, CodeFile, Conversion, Dialect, HandlerSet, IntrinsicSet, Lazy, Variant
from htp.diagnostics import Bug, Refused
from htp.hooks import hookimpl
from htp.passes import Pass

HTP_API = 1
"""
GOOD = """
@hookimpl
def htp_dialects():
    return (Dialect("{0}"),)
"""

# The same examples in every run: a gate that fails by chance says nothing about the change it judges.
settings.register_profile("gates", derandomize=True)
settings.load_profile("gates")


def pytest_addoption(parser):
    try:
        parser.addoption("--update-golden", action="store_true", help="write the golden files anew")
    except ValueError:  # another package's conftest has it
        return


class Site:
    """A folder on `sys.path` in which distributions are made, each with one module and one entry point."""

    GOOD = GOOD

    def __init__(self, root):
        self.root = root
        self.modules = []

    def add(
        self, name, body=GOOD, *, head=HEAD, requires=("htp-core>=0.1,<1",), version="0.1.0", point=None, module=None,
        project=None,
    ):  # fmt: skip
        """Installs `htp_<name>`; `project` is the folder of an editable installation."""
        module = module or f"made_{name}"
        body = body.format(name) if body is GOOD else body
        if body is not None:
            (self.root / f"{module}.py").write_text(head + textwrap.dedent(body))
        info = self.root / f"htp_{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: htp_{name}", f"Version: {version}"]
        info.joinpath("METADATA").write_text(
            "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n\nRequires-Dist: prose\n"
        )
        info.joinpath("entry_points.txt").write_text(f"[htp.plugins]\n{point or name} = {module}\n")
        if project is not None:
            origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
            info.joinpath("direct_url.json").write_text(json.dumps(origin))
        self.modules.append(module)

    def session(self):
        """A session over core and what was made here."""
        from htp.plugins import discover
        from htp.session import Session

        importlib.invalidate_caches()
        return Session([each for each in discover() if each.builtin or each.value in self.modules])

    @property
    def environment(self):
        """The environment of a command that finds what was made here."""
        return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def site(tmp_path, monkeypatch):
    root = tmp_path / "site"
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))
    made = Site(root)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


@pytest.fixture
def uninstall(monkeypatch):
    """Takes a package away for one test, in a session over core alone: one over everything would keep the loss."""
    from htp.plugins import discover
    from htp.session import Session, use_session

    with use_session(Session([each for each in discover() if each.builtin])):
        yield lambda package: monkeypatch.setitem(sys.modules, package, None)


@pytest.fixture
def told():
    """What a law of a conformance class says about a subject: nothing when it holds, else why not."""
    from htp.testing.run import check

    def ask(base, law, subject, **fields):
        unit = type(base.__name__, (base,), {"subject": subject, "laws": classmethod(lambda cls: (law,)), **fields})
        (result,) = check(unit)
        return "" if result.outcome == "passed" else f"{result.outcome}: {result.reason}"

    return ask


@pytest.fixture
def conforms():
    """Every law that a subject breaks, with the reason; laws it has nothing to do with are left out."""
    from htp.testing.run import check

    def ask(base, subject, **fields):
        results = list(check(type(base.__name__, (base,), {"subject": subject, **fields})))
        assert any(each.outcome == "passed" for each in results)
        return {each.law: each.reason for each in results if each.outcome == "failed"}

    return ask


def sibling(name):
    """A module that lies beside the tests."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made():
    """Task graphs and reports of runs, made up."""
    return sibling("made_runs")


@pytest.fixture(scope="session")
def drawn():
    """What an SVG draws and where."""
    return sibling("svg_checks")


@pytest.fixture
def echo(site):
    """A session with the backend of `echo_backend.txt`, in which one text is replaced by another."""
    text = (Path(__file__).parent / "echo_backend.txt").read_text()

    def make(old="", new=""):
        assert old in text
        site.add("echo", text.replace(old, new, 1) if old else text + new, head="", point="echo")
        return site.session()

    return make
