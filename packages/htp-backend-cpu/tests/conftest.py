from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import pytest

from htp.capture import parse_program
from htp_backend_cpu.abi import Native
from htp_backend_cpu.binding import NativeProgram
from htp_backend_cpu.build import build, sources_of
from htp_backend_cpu.emit import emit

FOLDER = Path(__file__).parent / "register_form"
sys.path.append(str(Path(__file__).parent))  # for `conformance`


def pytest_addoption(parser):
    try:
        parser.addoption("--update-golden", action="store_true", help="write the golden files again")
    except ValueError:  # another package's conftest has it
        return


@pytest.fixture(scope="session")
def update_golden(request):
    return request.config.getoption("--update-golden", default=False)


@cache
def _module(name):
    path = FOLDER / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"register_form_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _program(name, entry):
    path = FOLDER / f"{name}.py"
    return replace(parse_program(path.read_text(), path.name), entry=entry)


@cache
def _native(name, entry):
    emitted = emit(_program(name, entry))
    face = msgspec.json.decode(dict(emitted.contract_files)["contract/cpu.json"], type=Native)
    return NativeProgram(face, build(sources_of(dict(emitted.files))), "cpu")


@pytest.fixture(scope="session")
def python_of():
    """The NumPy meaning of an entry of a file in `register_form`."""
    return lambda name, entry: getattr(_module(name), entry)


@pytest.fixture(scope="session")
def program_of():
    return _program


@pytest.fixture(scope="session")
def native_of():
    """The built entry of a file in `register_form`."""
    return _native


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where the programs of the conformance tests are written and published."""
    return tmp_path_factory.mktemp("conformance")
