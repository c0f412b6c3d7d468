"""What a person reads when a program is wrong: code and fact first, the line with its caret, and what to do."""

import importlib.util
import re
from pathlib import Path

import pytest

import htp
from htp import Refused
from htp.language import Definition

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("wrong_programs", HERE / "wrong_programs.py")
PROGRAMS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(PROGRAMS)
WRONG = [
    name
    for name, value in vars(PROGRAMS).items()
    if (isinstance(value, Definition) and value.kind != "func" and name != "scaled")
    or (callable(value) and getattr(value, "__module__", "") == "wrong_programs" and not isinstance(value, Definition))
]


def refusal(name):
    value = getattr(PROGRAMS, name)
    with pytest.raises(Refused) as caught:
        htp.plan(value if isinstance(value, Definition) else value(), target="cpu")
    return caught.value


@pytest.mark.parametrize("name", WRONG)
def test_the_refusal_reads_as_written_down(name, request):
    text = str(refusal(name)).replace(str(HERE) + "/", "") + "\n"
    golden = HERE / "golden" / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()


@pytest.mark.parametrize("name", WRONG)
def test_every_refusal_has_a_place_a_caret_and_a_way_out(name):
    found = refusal(name)
    for each in found.diagnostics:
        if name == "with_dtype_last":  # Python makes the type before the decorator knows the function
            continue
        text = str(Refused.of(each))
        assert each.span is not None
        assert each.span.file.endswith("wrong_programs.py")
        assert "^" in text
        assert each.help
        assert len(text.splitlines()) <= 15
        assert len(text.splitlines()[0]) <= 160
        assert not re.search(r"__v\d|__|object at 0x", text)


def test_every_golden_file_belongs_to_a_program():
    assert {each.stem for each in (HERE / "golden").glob("*.txt")} == set(WRONG)
