"""The demo on small arrays: what it says, and that a wrong result does not pass."""

import re

import numpy as np
import pytest

import htp
from htp_backend_cpu import demo
from htp_backend_cpu.demos import softmax
from htp_backend_cpu.demos.workloads import Workload, workloads

X = np.random.default_rng(0).standard_normal((70, 33)).astype(np.float32)


def small(reference) -> Workload:
    return Workload("softmax", "70 x 33", softmax.softmax, reference, (X,), X.shape)


def test_text_names_stages_error_time_and_package(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(demo, "workloads", lambda: [small(softmax.numpy_reference)])
    text = demo.run(tmp_path)
    assert text.startswith("softmax, 70 x 33\n  stages    capture → inline → ")
    assert re.search(r"error     \d\.\de-\d\d of the largest value", text)
    assert re.search(r"time      \d+\.\d\d ms, NumPy \d+\.\d\d ms: \d+\.\d times", text)
    assert f"package   {tmp_path / 'softmax'}" in text
    assert (tmp_path / "softmax" / "manifest.json").is_file()
    assert capsys.readouterr().err.count("softmax: ") == 3


@pytest.mark.parametrize("wrong", [lambda x: softmax.numpy_reference(x) * 1.001, lambda x: x * np.nan])
def test_a_wrong_result_is_a_bug(tmp_path, monkeypatch, wrong):
    monkeypatch.setattr(demo, "workloads", lambda: [small(wrong)])
    with pytest.raises(htp.Bug, match="softmax: the error is"):
        demo.run(tmp_path)


def test_sizes_are_those_promised():
    found = {each.name: (each.size, each.out_shape) for each in workloads()}
    assert found == {
        "softmax": ("4096 x 4096", (4096, 4096)),
        "rmsnorm": ("4096 x 4096", (4096, 4096)),
        "gemm bias gelu": ("1024 x 1024 x 1024", (1024, 1024)),
        "causal attention": ("B1 H8 S1024 D64", (1, 8, 1024, 64)),
    }


def test_error_is_relative_to_the_largest_expected_value():
    workload = small(softmax.numpy_reference)
    assert workload.error(np.array([1.0, 4.0]), np.array([2.0, 4.0])) == 0.25
    assert np.isnan(workload.error(np.array([np.nan, 4.0]), np.array([2.0, 4.0])))
