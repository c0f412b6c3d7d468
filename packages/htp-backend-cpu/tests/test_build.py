"""Building: which compiler is taken, when something is built again, and what a failure leaves."""

from __future__ import annotations

import ctypes
import os
import sys

import pytest

from htp import Bug, Refused
from htp_backend_cpu.build import build, runtime_library
from htp_backend_cpu.compilers import find_compiler

ANSWER = {"a.cpp": b'#include "n.hpp"\nextern "C" int answer() { return N; }\n', "n.hpp": b"#define N 42\n"}


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("HTP_CACHE_DIR", str(tmp_path / "cache"))


def answer(path):
    return ctypes.CDLL(str(path)).answer()


def test_the_same_sources_are_built_once():
    first = build(ANSWER)
    stamp = first.stat().st_mtime_ns
    assert answer(first) == 42
    assert build(dict(reversed(ANSWER.items()))) == first
    assert first.stat().st_mtime_ns == stamp


def test_other_sources_headers_or_flags_are_another_library():
    first = build(ANSWER)
    changed = build({**ANSWER, "n.hpp": b"#define N 43\n"})
    assert changed != first
    assert answer(changed) == 43
    assert build(ANSWER, flags=("-DUNUSED",)) != first


def test_integers_wrap_and_nothing_is_left_but_the_library():
    text = b'extern "C" int answer() { volatile int x = 2147483647; return x + 1 < x; }\n'
    path = build({"a.cpp": text})
    assert answer(path) == 1
    assert sorted(each.name for each in path.parent.iterdir()) == [".htp-entry.json", "library.so"]


def test_loading_a_library_leaves_subnormal_numbers_alone():
    ctypes.CDLL(str(build(ANSWER)))
    assert sys.float_info.min / 2 > 0


def test_a_failing_compiler_is_a_bug_that_says_what_it_said(tmp_path):
    with pytest.raises(Bug, match="undeclared_name"):
        build({"a.cpp": b"int f() { return undeclared_name; }\n"}, logs=tmp_path / "logs")
    text = (tmp_path / "logs" / "build.txt").read_text()
    assert text.startswith("$ ")
    assert "undeclared_name" in text


def test_the_compiler_of_the_environment_comes_first(monkeypatch):
    found = find_compiler()
    monkeypatch.setenv("HTP_CXX", f"{found.command[0]} -DCHOSEN")
    chosen = find_compiler()
    assert chosen.command == (found.command[0], "-DCHOSEN")
    assert chosen.version == found.version
    assert answer(build({"a.cpp": b'#ifdef CHOSEN\nextern "C" int answer() { return 7; }\n#endif\n'})) == 7


def test_a_chosen_compiler_that_is_not_there(monkeypatch):
    monkeypatch.setenv("HTP_CXX", "no-such-compiler --flag")
    with pytest.raises(Refused, match="no-such-compiler") as found:
        build(ANSWER)
    assert found.value.code == "cpu.no-compiler"


def test_no_compiler_at_all_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.delenv("HTP_CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "ziglang", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(Refused) as found:
        find_compiler()
    assert found.value.code == "cpu.no-compiler"
    assert found.value.diagnostic.help == ("pip install htp-backend-cpu[toolchain]",)


@pytest.mark.skipif(os.environ.get("HTP_TEST_ZIG") != "1", reason="needs the ziglang wheel and HTP_TEST_ZIG=1 (slow)")
def test_the_ziglang_wheel_builds_the_same_sources(monkeypatch):
    monkeypatch.setenv("HTP_CXX", f"{sys.executable} -m ziglang c++")
    assert answer(build(ANSWER)) == 42


def test_the_runtime_library_offers_its_table():
    library = ctypes.CDLL(str(runtime_library()))
    library.htp_runtime.restype = ctypes.POINTER(ctypes.c_uint)
    assert library.htp_runtime()[0] == 3
