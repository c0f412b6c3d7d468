"""The demo on small arrays: what it says, and that a wrong result does not pass."""

import re

import numpy as np
import pytest

import htp
from htp_backend_pto import demo
from htp_backend_pto.demo import Shown
from htp_backend_pto.demos import softmax

X = np.random.default_rng(0).standard_normal((70, 32)).astype(np.float32)


def small(reference) -> Shown:
    return Shown("softmax", "70 x 32", softmax.softmax, reference, (X,), {"N": 32})


def test_text_names_stages_tasks_memory_error_and_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "programs", lambda: [small(softmax.numpy_reference)])
    text = demo.run(tmp_path)
    assert text.startswith("softmax, 70 x 32\n  stages    capture → inline → ")
    assert "\n  tasks     2: 2 softmax_0 (aiv); 0 edges, 0 of them told to the runtime\n" in text
    assert "\n  memory    ub 32 of 184 KiB\n" in text  # tiles of 64 x 32: what comes, what goes, two between
    assert re.search(r"error     \d\.\de-\d\d of the largest value", text)
    assert f"package   {tmp_path / 'softmax'}" in text
    assert (tmp_path / "softmax" / "manifest.json").is_file()
    assert capsys.readouterr().err.count("softmax: ") == 1


@pytest.mark.parametrize("wrong", [lambda x: softmax.numpy_reference(x) * 1.001, lambda x: x * np.nan])
def test_a_wrong_result_is_a_bug(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(demo, "programs", lambda: [small(wrong)])
    with pytest.raises(htp.Bug, match="softmax: the error is"):
        demo.run(tmp_path)


def test_sizes_are_those_promised():
    assert [(each.name, each.size, each.inputs[0].shape) for each in demo.programs()] == [
        ("softmax", "1000 x 256", (1000, 256)),
        ("rmsnorm", "1000 x 128", (1000, 128)),
        ("gemm bias gelu", "500 x 512 x 512", (500, 512)),
    ]
