"""Publishing: one rename, kills at any moment, what is replaced and what is not."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from htp.artifact import Manifest, open_package, publish_package
from htp.artifact import publish as publishing
from htp.artifact.temporary import claim, sweep
from htp.diagnostics import Refused

FILES = {"plan.json": b"{}\n", "codegen/a.txt": b"a" * 1000, "build/x": b"x"}


def publish(path: Path, text: bytes = b"1"):
    return publish_package(path, {**FILES, "text": text}, Manifest(entry="f", target="cpu"))


def test_nothing_stays_beside_the_package(tmp_path):
    publish(tmp_path / "deep" / "er" / "pkg")
    assert os.listdir(tmp_path / "deep" / "er") == ["pkg"]


@pytest.mark.parametrize("exchange", [True, False])
def test_a_package_is_replaced_as_a_whole(tmp_path, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(publishing, "_exchange", lambda one, other: False)
    publish(tmp_path / "pkg", b"1")
    (tmp_path / "pkg/build/more").write_text("x")
    (tmp_path / "pkg/__pycache__").mkdir()
    (tmp_path / "pkg/__pycache__/x.pyc").write_text("x")
    publish(tmp_path / "pkg", b"2")
    assert open_package(tmp_path / "pkg").read("text") == b"2"
    assert not (tmp_path / "pkg/build/more").exists()
    assert os.listdir(tmp_path) == ["pkg"]


def test_an_empty_folder_becomes_a_package(tmp_path):
    (tmp_path / "pkg").mkdir()
    publish(tmp_path / "pkg")
    assert open_package(tmp_path / "pkg")


@pytest.mark.parametrize("content", [{"notes.txt": "x"}, {"manifest.json": "{}"}, {"manifest.json": "no json"}])
def test_a_folder_that_is_no_package_is_kept(tmp_path, content):
    (tmp_path / "mine").mkdir()
    for name, text in content.items():
        (tmp_path / "mine" / name).write_text(text)
    with pytest.raises(Refused, match=r"artifact\.not-a-package"):
        publish(tmp_path / "mine")
    assert {path.name: path.read_text() for path in (tmp_path / "mine").iterdir()} == content
    assert os.listdir(tmp_path) == ["mine"]


def test_a_file_or_link_is_kept(tmp_path):
    (tmp_path / "file").write_text("x")
    publish(tmp_path / "pkg")
    (tmp_path / "link").symlink_to("pkg")
    for name in ("file", "link"):
        with pytest.raises(Refused, match=r"artifact\.not-a-package"):
            publish(tmp_path / name)


def test_foreign_files_are_kept(tmp_path):
    publish(tmp_path / "pkg")
    (tmp_path / "pkg/codegen/notes.txt").write_text("mine")
    with pytest.raises(Refused, match=r"artifact\.foreign-file"):
        publish(tmp_path / "pkg", b"2")
    assert (tmp_path / "pkg/codegen/notes.txt").read_text() == "mine"


def test_a_damaged_package_can_be_replaced(tmp_path):
    publish(tmp_path / "pkg")
    (tmp_path / "pkg/plan.json").unlink()
    (tmp_path / "pkg/text").write_text("edited")
    publish(tmp_path / "pkg", b"2")
    assert open_package(tmp_path / "pkg").read("text") == b"2"


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Refused, match=r"artifact\.cannot-write"):
        publish(tmp_path / "file" / "pkg")


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    publish(tmp_path / "pkg", b"1")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(publishing.os, "fsync", full)
    with pytest.raises(Refused, match=r"artifact\.cannot-write"):
        publish(tmp_path / "pkg", b"2")
    assert open_package(tmp_path / "pkg").read("text") == b"1"
    assert os.listdir(tmp_path) == ["pkg"]


def test_leftovers_are_swept_only_when_their_maker_is_gone(tmp_path):
    (tmp_path / ".pkg.htp-0123").mkdir()
    (tmp_path / ".pkg.htp-0123/file").write_text("x")
    with claim(tmp_path, ".pkg.htp-") as held:
        modules = "from pathlib import Path; from htp.artifact.temporary import sweep"
        command = f"{modules}; sweep(Path({str(tmp_path)!r}), '.pkg.htp-')"
        subprocess.run(
            [sys.executable, "-c", command], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )
        assert [path.name for path in tmp_path.iterdir()] == [held.path.name]
    assert sweep(tmp_path, ".pkg.htp-") == 0
    assert list(tmp_path.iterdir()) == []


def test_kills_at_any_moment_leave_nothing_or_a_whole_package(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    draw = random.Random(7)
    program = tmp_path / "writer.py"
    program.write_text(FORKING)
    out = tmp_path / "out"
    out.mkdir()
    moments = ",".join(str(draw.uniform(0.0, 3.0)) for _ in range(ROUNDS))
    subprocess.run([sys.executable, str(program), str(out / "pkg"), moments], check=True, env=environment, timeout=300)
    whole = int((tmp_path / "out" / "whole").read_text())
    (tmp_path / "out" / "whole").unlink()
    assert 1 <= whole <= ROUNDS
    publish(out / "pkg")
    assert os.listdir(out) == ["pkg"]


ROUNDS = 50 if os.environ.get("HTP_TEST_LONG") == "1" else 15
# A process that forks a writer, kills it after a random share of the time one package takes, and looks at what is left.
FORKING = """
import os, pathlib, signal, sys, time
from htp.artifact import Manifest, open_package, publish_package
files = {"plan.json": b"{}\\n"} | {f"codegen/{i:02}/x.txt": bytes(20000) for i in range(12)}
def publish(text):
    publish_package(out, {**files, "text": str(text).encode()}, Manifest(entry="f", target="cpu"))
out, whole = pathlib.Path(sys.argv[1]), 0
began = time.perf_counter()
publish(-1)
once = time.perf_counter() - began
for round, moment in enumerate(float(each) for each in sys.argv[2].split(",")):
    if round % 5 == 0 and out.exists():
        import shutil
        shutil.rmtree(out)
    child = os.fork()
    if child == 0:
        for text in range(10**9):
            publish(text)
    time.sleep(moment * once)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if out.exists():
        open_package(out)
        whole += 1
    visible = [name for name in os.listdir(out.parent) if not name.startswith(".pkg.htp-")]
    assert visible in ([], ["pkg"]), visible
(out.parent / "whole").write_text(str(whole))
"""
