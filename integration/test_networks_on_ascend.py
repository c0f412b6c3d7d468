"""The networks of the examples as tasks for Ascend, against their float64 references on the host stand-in."""

from pathlib import Path

import numpy as np
import pytest
from network_programs import FLAGSHIPS, Flagship

import htp
from htp import Refused

TASKS = [each for each in FLAGSHIPS if each.file != "serving.py"]
(SERVING,) = (each for each in FLAGSHIPS if each.file == "serving.py")


@pytest.mark.parametrize("flagship", TASKS, ids=repr)
def test_a_network_computes_what_its_reference_does(flagship: Flagship, tmp_path: Path) -> None:
    entry = flagship.definition(flagship.entry)
    exe = htp.bind(htp.compile_program(entry, target="pto:a2a3sim", out=tmp_path / "package"), mode="sim")
    arguments, expected = flagship.arguments()
    exe(*arguments)
    flagship.check(np.asarray(arguments[-1]), expected)


def test_a_network_that_selects_is_refused_at_its_line(tmp_path: Path) -> None:
    entry = SERVING.definition(SERVING.entry)
    with pytest.raises(Refused) as caught:
        htp.compile_program(entry, target="pto:a2a3sim", out=tmp_path / "package")
    assert caught.value.code == "csp.timed"
    place = caught.value.diagnostic.span
    assert place is not None
    with open(place.file, encoding="utf-8") as file:
        assert "select(" in file.read().splitlines()[place.line - 1]
