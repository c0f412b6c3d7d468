"""Replaying and verifying hand-written packages: honest ones pass, every kind of lie is found."""

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from htp.artifact import Manifest, Package, open_package, publish_package
from htp.artifact.manifest import StageRecord
from htp.diagnostics import Diagnostic, Refused
from htp.tools.replay import open_sizes, replay
from htp.tools.verbs import first_of_each
from htp.tools.verify import verify

STAGE = '''"""A stage."""

from htp import In, Out, Tensor, f32, i32, kernel, run_stage, tile


@kernel
def scale(
    x: In[Tensor[f32, "M", "N"]], i: In[Tensor[i32, "K"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[i32, "K"]]
) -> None:
    {body}


if __name__ == "__main__":
    run_stage(scale)
'''
HONEST = "y[:] = x[:] * 2.0 + 1.0\n    z[:] = i[:] + 1"


def package(folder: Path, *bodies: str) -> Package:
    files, stages = {"plan.json": b"{}\n"}, []
    for number, body in enumerate(bodies):
        name = f"ir/stages/{number:02}-step{number}"
        files[f"{name}/program.py"] = STAGE.format(body=body).encode()
        files[f"{name}/state.json"] = b"{}\n"
        stages.append(
            StageRecord(
                id=f"{number:02}",
                pass_=f"step{number}",
                folder=name,
                program=f"{name}/program.py",
                state=f"{name}/state.json",
            )
        )
    return publish_package(folder / "pkg", files, Manifest(entry="scale", target="cpu", stages=tuple(stages)))


def codes(levels) -> list[list[str]]:
    return [sorted({finding.code for finding in level.findings}) for level in levels]


def test_a_stage_prints_a_digest_of_every_output(tmp_path):
    made = package(tmp_path, HONEST)
    found = replay(made, "00", seed=3, dims="M=3,N=5,K=2")
    assert [(each.name, each.dtype, each.shape) for each in found.outputs] == [("y", "f32", (3, 5)), ("z", "i32", (2,))]
    assert found == replay(made, "step0", seed=3, dims="M=3,N=5,K=2")
    assert found.outputs != replay(made, "0", seed=4, dims="M=3,N=5,K=2").outputs
    assert open_package(made.path) == made


def test_given_inputs_are_used(tmp_path):
    import hashlib

    import numpy as np

    made = package(tmp_path, HONEST)
    x, i = np.arange(6, dtype=np.float32).reshape(2, 3), np.array([4], np.int32)
    np.savez(tmp_path / "given.npz", x=x, i=i)
    found = replay(made, "00", inputs=tmp_path / "given.npz", outputs=tmp_path / "out.npz")
    assert [each.sha256 for each in found.outputs] == [
        hashlib.sha256((x * 2 + 1).tobytes()).hexdigest(),
        hashlib.sha256((i + 1).tobytes()).hexdigest(),
    ]
    assert np.load(tmp_path / "out.npz")["y"].tolist() == [[1, 3, 5], [7, 9, 11]]


def test_an_honest_package_passes(tmp_path):
    made = package(tmp_path, HONEST, "y[:] = x[:] + x[:] + 1.0\n    z[:] = 1 + i[:]")
    levels = verify(made.path, level=2)
    assert [level.ok for level in levels] == [True, True, True]
    assert levels[2].checks >= 15
    assert open_package(made.path) == made


def test_a_broken_seal_stops_at_level_0(tmp_path):
    made = package(tmp_path, HONEST)
    (made.path / "plan.json").write_text("[]")
    levels = verify(made.path)
    assert codes(levels) == [["artifact.altered-file"]]


def test_a_stage_that_does_not_run_stops_at_level_1(tmp_path):
    levels = verify(package(tmp_path, HONEST, "y[:] = x[:] * undefined").path)
    assert codes(levels) == [[], ["replay.stage-failed"]]
    assert "NameError" in str(levels[1].findings[0].notes)
    with pytest.raises(Refused, match=r"run\.assertion-failed: division by zero"):
        verify(package(tmp_path, "1 / 0").path)


@pytest.mark.parametrize(
    "lie",
    [
        "y[:] = x[:] * 2.001 + 1.0\n    z[:] = i[:] + 1",
        "y[:] = x[:] * 2.0 + 1.0\n    z[:] = tile.where(i[:] == 3, i[:], i[:] + 1)\n    z[:1] = i[:1]",
        "y[:-1] = x[:-1] * 2.0 + 1.0\n    z[:] = i[:] + 1",
        "y[:] = tile.where(x[:] == x[:], x[:] * 2.0 + 1.0, 0.0)\n    z[:] = i[:] + 1",
        "m = min(x.shape[0] // 16 * 16, x.shape[0]) or x.shape[0]\n    y[:m] = x[:m] * 2.0 + 1.0\n    z[:] = i[:] + 1",
    ],
    ids=["value", "integer", "last row not written", "NaN swallowed", "tail not written"],
)
def test_a_stage_that_computes_something_else_is_found_at_level_2(tmp_path, lie):
    levels = verify(package(tmp_path, HONEST, lie).path)
    assert codes(levels) == [[], [], ["verify.stage-differs"]]


def test_a_part_of_an_output_that_nobody_writes_is_named(tmp_path):
    partly = "y[1:, :1] = x[1:, :1]\n    z[:] = i[:]"
    findings = verify(package(tmp_path, partly, partly).path, dims="M=5,N=3")[2].findings
    assert {each.code for each in findings} == {"verify.not-written"}
    assert findings[0].message == "of y in empty-K, 11 of 15 elements are never written, some of [0:5, 0:3]"
    assert len(findings) == len({each.message for each in findings}), "told once, not for every stage"


def test_a_stage_that_is_refused_where_the_first_is_not(tmp_path):
    lie = f"{HONEST}\n    tile.take(i[:], i[:] * 0 + 20)"
    found = verify(package(tmp_path, HONEST, lie).path)[2].findings
    assert any("is refused with run.index-out-of-range" in each.message for each in found)


def test_stages_that_are_refused_with_other_codes_agree(tmp_path):
    first = "y[:] = x[:]\n    z[:] = i[:] + tile.argmax(x[:], axis=0)[0].astype(i32)"
    later = "assert x.shape[0] > 0\n    assert x.shape[1] > 0\n    y[:] = x[:]\n"
    later += "    z[:] = i[:] + tile.argmax(x[:], axis=0)[0].astype(i32)"
    made = package(tmp_path, first, later)
    levels = verify(made.path)
    assert codes(levels) == [[], [], []]
    assert "empty-M" in levels[2].note


@pytest.mark.parametrize(
    ("dims", "code"), [("M=99999999999", "run.out-of-memory"), ("M=4,M=5", "cli.bad-dims"), ("Q=3", "run.dim-mismatch")]
)
def test_sizes_that_cannot_be_are_refused_as_such(tmp_path, dims, code):
    with pytest.raises(Refused) as caught:
        replay(package(tmp_path, HONEST), "00", dims=dims)
    assert caught.value.code == code


def test_a_size_that_a_package_was_compiled_for_is_said_to_be_fixed(tmp_path):
    made = package(tmp_path, HONEST)
    fixed = replace(made, manifest=structs.replace(made.manifest, dims={"M": 128}))
    assert open_sizes(fixed, "M=128,N=3") == "N=3"
    with pytest.raises(Refused, match="M is fixed at 128") as caught:
        open_sizes(fixed, "M=64")
    assert caught.value.code == "run.dim-mismatch"


def test_one_defect_is_told_once():
    found = [Diagnostic(code="verify.stage-differs", message=f"stage {number}") for number in range(20)]
    other = Diagnostic(code="verify.not-written", message="y")
    first, second = first_of_each([*found, other])
    assert (first.message, first.notes, second) == ("stage 0", ("and 19 more such findings",), other)


def test_no_inputs_can_be_found(tmp_path):
    impossible = "assert x.shape[0] == 1013\n    y[:] = x[:]\n    z[:] = i[:]"
    with pytest.raises(Refused) as caught:
        replay(package(tmp_path, impossible), "00")
    assert caught.value.code == "replay.no-usable-inputs"
    assert caught.value.diagnostic.notes == (
        "the last one with run.assertion-failed: x.shape[0] == 1013", "at line 10: `assert x.shape[0] == 1013`",
    )  # fmt: skip
    assert "htp explain run.assertion-failed" in caught.value.diagnostic.help[0]
    with pytest.raises(Refused) as caught:
        replay(package(tmp_path, impossible), "00", dims="M=7")
    assert "sizes with --dims N=64,K=64, or arrays" in caught.value.diagnostic.help[1]
    with pytest.raises(Refused, match=r"replay\.no-usable-inputs"):
        verify(package(tmp_path, impossible).path)
    assert replay(package(tmp_path, impossible), "00", dims="M=1013").outputs


def test_where_all_sizes_are_given_the_refusal_is_that_of_the_run(tmp_path):
    made = package(tmp_path, "assert x.shape[0] == 1013  # user.py:7\n    y[:] = x[:]\n    z[:] = i[:]")
    for run in (lambda: replay(made, "00", dims="M=7,N=3,K=2"), lambda: verify(made.path, dims="M=7,N=3,K=2")):
        with pytest.raises(Refused, match=r"x\.shape\[0\] == 1013") as caught:
            run()
        assert (caught.value.code, caught.value.diagnostic.span.place) == ("run.assertion-failed", "user.py:7:1")


def test_a_stage_that_never_ends(tmp_path):
    made = package(tmp_path, "import time\n    time.sleep(60)")
    with pytest.raises(Refused, match=r"replay\.timeout"):
        replay(made, "00", timeout=1.5)
