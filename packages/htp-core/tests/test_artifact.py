"""Packages: round trip, seal, refusals, extensions."""

import hashlib
import json
import os
from pathlib import Path

import msgspec
import pytest

from htp.artifact import Manifest, Package, open_package, publish_package
from htp.artifact.manifest import AbiFile, FileRecord, PlanFile, PlanStep, StageRecord, TraceLine
from htp.artifact.paths import is_sealed, problem_of
from htp.artifact.schema import json_schema, schema_names
from htp.artifact.seal import canonical, canonical_line, manifest_digest
from htp.diagnostics import Bug, Refused
from htp.session import current_session

STAGES = ("00-capture", "01-tile")


def files() -> dict[str, bytes]:
    found = {
        "plan.json": canonical(PlanFile(target="cpu", steps=(PlanStep(id="01", pass_="tile"),))),
        "ir/pass_trace.jsonl": canonical_line(TraceLine(step="01", pass_="tile")),
        "contract/abi.json": canonical(AbiFile(entry="f")),
        "codegen/cpu/kernel.cpp": b"void f() {}\n",
        "logs/times.txt": b"3 ms\n",
    }
    for stage in STAGES:
        found[f"ir/stages/{stage}/program.py"] = f"# {stage}\n".encode()
        found[f"ir/stages/{stage}/state.json"] = b'{"schema": "htp.state/1"}\n'
    return found


def manifest(**changes: object) -> Manifest:
    stages = tuple(
        StageRecord(
            id=name[:2],
            pass_=name[3:],
            folder=f"ir/stages/{name}",
            program=f"ir/stages/{name}/program.py",
            state=f"ir/stages/{name}/state.json",
        )
        for name in STAGES
    )
    return msgspec.structs.replace(Manifest(entry="f", target="cpu", stages=stages), **changes)


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return publish_package(tmp_path / "pkg", files(), manifest())


def refused(path: Path) -> str:
    with pytest.raises(Refused) as caught:
        open_package(path)
    assert all(each.code.startswith("artifact.") for each in caught.value.diagnostics)
    return caught.value.code


def reseal(package: Package, **changes: object) -> None:
    """Forges a manifest whose own digest is right."""
    forged = msgspec.structs.replace(package.manifest, **changes)
    forged = msgspec.structs.replace(forged, digest=manifest_digest(forged))
    (package.path / "manifest.json").write_bytes(canonical(forged))


def test_what_was_published_is_what_is_read(package):
    found = open_package(package.path)
    assert found == package
    assert [stage.id for stage in found.stages] == ["00", "01"]
    assert found.stage_text("01") == found.stage_text("tile") == found.stage_text("01-tile") == "# 01-tile\n"
    assert found.read("codegen/cpu/kernel.cpp") == b"void f() {}\n"
    assert found.plan.steps[0].pass_ == "tile"
    assert found.trace[0].step == "01"
    assert found.abi.entry == "f"
    assert found.state("00").facts == ()
    assert (package.path / "logs/times.txt").read_bytes() == b"3 ms\n"


def test_the_manifest_lists_every_sealed_file_with_its_hash(package):
    listed = {each.path: (each.size, each.sha256) for each in package.files}
    expected = {
        path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in files().items() if path[:4] != "logs"
    }
    assert listed == expected


def test_manifest_text_is_canonical_json(package):
    text = (package.path / "manifest.json").read_bytes()
    assert text.decode() == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_the_digest_is_that_of_the_text_with_an_empty_digest(package):
    tree = json.loads((package.path / "manifest.json").read_text())
    stated = tree["digest"]
    tree["digest"] = ""
    text = json.dumps(tree, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert stated == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_equal_content_gives_equal_bytes_in_any_folder(tmp_path):
    one = publish_package(tmp_path / "a" / "x", files(), manifest())
    two = publish_package(tmp_path / "b" / "y", dict(reversed(files().items())), manifest())
    assert (one.path / "manifest.json").read_bytes() == (two.path / "manifest.json").read_bytes()
    assert str(tmp_path) not in (one.path / "manifest.json").read_text()


def test_a_missing_package(tmp_path):
    assert refused(tmp_path / "nothing") == "artifact.missing"
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty") == "artifact.missing"
    (tmp_path / "file").write_text("x")
    assert refused(tmp_path / "file") == "artifact.missing"


@pytest.mark.parametrize("path", [path for path in files() if is_sealed(path)])
def test_an_altered_file(package, path):
    place = package.path / path
    place.write_bytes(place.read_bytes()[:-1] + b"?")
    assert refused(package.path) == "artifact.altered-file"
    place.write_bytes(place.read_bytes() + b"longer")
    assert refused(package.path) == "artifact.altered-file"
    place.unlink()
    assert refused(package.path) == "artifact.missing-file"
    place.mkdir()
    assert refused(package.path) == "artifact.missing-file"


def test_an_altered_file_is_noticed_after_opening(package):
    (package.path / "plan.json").write_text("{}")
    with pytest.raises(Refused, match=r"artifact\.altered-file"):
        package.read("plan.json")


@pytest.mark.parametrize("path", ["extra.txt", "ir/extra", ".hidden", "ir/stages/00-capture/__pycache__/program.pyc"])
def test_an_extra_file(package, path):
    (package.path / path).parent.mkdir(parents=True, exist_ok=True)
    (package.path / path).write_text("x")
    assert refused(package.path) == "artifact.extra-file"


def test_build_and_logs_are_outside_the_seal(package):
    for folder in ("build", "logs"):
        (package.path / folder).mkdir(exist_ok=True)
        (package.path / folder / "anything").write_text("x")
    assert open_package(package.path) == package


def test_links(package, tmp_path):
    (tmp_path / "elsewhere").write_bytes(files()["plan.json"])
    plan = package.path / "plan.json"
    plan.unlink()
    plan.symlink_to(tmp_path / "elsewhere")
    assert refused(package.path) == "artifact.link"
    plan.unlink()
    plan.write_bytes(files()["plan.json"])
    (package.path / "build").symlink_to(tmp_path)
    assert refused(package.path) == "artifact.link"
    (package.path / "build").unlink()
    (package.path / "ir").rename(tmp_path / "ir")
    (package.path / "ir").symlink_to(tmp_path / "ir")
    assert refused(package.path) == "artifact.link"
    with pytest.raises(Refused, match=r"artifact\.link"):
        package.read("ir/stages/00-capture/program.py")


def test_a_linked_manifest(package, tmp_path):
    (package.path / "manifest.json").rename(tmp_path / "manifest.json")
    (package.path / "manifest.json").symlink_to(tmp_path / "manifest.json")
    assert refused(package.path) == "artifact.link"


def test_a_pipe_is_refused_without_waiting_for_it(package):
    (package.path / "plan.json").unlink()
    os.mkfifo(package.path / "plan.json")
    assert refused(package.path) == "artifact.extra-file"
    (package.path / "manifest.json").unlink()
    os.mkfifo(package.path / "manifest.json")
    assert refused(package.path) == "artifact.link"


def test_the_package_itself_may_be_reached_through_a_link(package, tmp_path):
    (tmp_path / "latest").symlink_to(package.path)
    assert open_package(tmp_path / "latest").manifest == package.manifest


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('"htp.manifest/1"', '"htp.manifest/2"', "artifact.unknown-version"),
        ('"htp.manifest/1"', '"htp.manifest/1.1"', "artifact.bad-manifest"),
        ('"htp.manifest/1"', "1", "artifact.bad-manifest"),
        ('"target"', '"colour": 1, "target"', "artifact.unknown-field"),
        ('"size": ', '"mode": 1, "size": ', "artifact.unknown-field"),
        ('"target": "cpu"', '"target": "gpu"', "artifact.broken-seal"),
        ('"target": "cpu"', '"target": 1', "artifact.bad-manifest"),
        ('"target": "cpu"', '"target": "gpu", "target": "cpu"', "artifact.not-canonical"),
        ('"target": "cpu"', '"target": "cpu", "extensions": {}', "artifact.unknown-field"),
        ('"target": "cpu"', '"target": "cpu", "x_Bad": {}', "artifact.broken-seal"),
        ('"target": "cpu"', '"target": "cpu", "x_bad": 1', "artifact.bad-manifest"),
        ('"size": ', '"size": -', "artifact.bad-manifest"),
        ('"size": ', '"size": 1' + "0" * 400 + ', "old": ', "artifact.bad-manifest"),
    ],
)
def test_an_edited_manifest(package, old, new, code):
    place = package.path / "manifest.json"
    place.write_text(place.read_text().replace(old, new, 1))
    assert refused(package.path) == code


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"\xff\xfe", b"{", b"[" * 100000, b'{"schema": "htp.manifest/1"}',
     b'{"schema": "\xed\xa0\x80"}', b"1e999", b'"\\ud800"', b"9" * 10000,
     b'{"schema": "htp.manifest/99999999999999999999"}'],
)  # fmt: skip
def test_any_bytes_as_manifest(package, data):
    (package.path / "manifest.json").write_bytes(data)
    assert refused(package.path) == "artifact.bad-manifest"


def test_forged_records_are_refused(package):
    def record(path: str) -> FileRecord:
        return FileRecord(path=path, size=0, sha256=hashlib.sha256(b"").hexdigest())

    for path in ("../secret", "/etc/passwd", "a/../../b", "a//b", "./a", "a\\b", "C:/x", "a\nb", "", "x" * 2000):
        reseal(package, files=(*package.files, record(path)))
        assert refused(package.path) == "artifact.escaping-path", path
    for path in ("manifest.json", "build/x", "plan.json"):
        reseal(package, files=(*package.files, record(path)))
        assert refused(package.path) in ("artifact.bad-manifest", "artifact.altered-file")
    stage = package.stages[0]
    for change in ({"program": "plan.json"}, {"state": "../x"}, {"digest": "sha256:" + "0" * 64}, {"id": "01"}):
        reseal(package, stages=(msgspec.structs.replace(stage, **change), package.stages[1]))
        assert refused(package.path) == "artifact.bad-manifest", change
    reseal(package, plan="no.json")
    assert refused(package.path) == "artifact.missing-file"


def test_all_findings_are_reported_at_once(package):
    (package.path / "extra").write_text("x")
    (package.path / "plan.json").unlink()
    (package.path / "contract/abi.json").write_text("x")
    with pytest.raises(Refused) as caught:
        open_package(package.path)
    assert sorted(each.code for each in caught.value.diagnostics) == [
        "artifact.altered-file",
        "artifact.extra-file",
        "artifact.missing-file",
    ]


def test_extensions_are_top_level_objects_that_their_plugin_checks(tmp_path):
    extension = {"mesh": msgspec.Raw(b'{"tp": 4}'), "note": msgspec.Raw(b'"x"')}
    made = publish_package(tmp_path / "pkg", files(), manifest(extensions={"x_axe": extension}))
    tree = json.loads((made.path / "manifest.json").read_text())
    assert tree["x_axe"] == {"mesh": {"tp": 4}, "note": "x"}
    assert "extensions" not in tree
    found = open_package(made.path)
    assert msgspec.json.decode(found.manifest.extensions["x_axe"]["mesh"]) == {"tp": 4}

    def check(fields: dict[str, msgspec.Raw]) -> None:
        if "mesh" in fields:
            raise Refused("artifact.bad-record", "no mesh here")

    open_package(made.path, validators={"x_other": check})
    with pytest.raises(Refused, match="no mesh here"):
        open_package(made.path, validators={"x_axe": check})


def test_records_that_do_not_fit(tmp_path):
    made = publish_package(tmp_path / "pkg", {**files(), "plan.json": b"{}\n", "bad.txt": b"\xff"}, manifest())
    with pytest.raises(Refused, match=r"artifact\.bad-record"):
        _ = made.plan
    with pytest.raises(Refused, match=r"artifact\.bad-record"):
        made.text("bad.txt")
    with pytest.raises(Refused, match=r"artifact\.no-such-stage"):
        made.stage("fuse")
    with pytest.raises(Refused, match=r"artifact\.missing-file"):
        made.read("../pkg/manifest.json")


@pytest.mark.parametrize("path", ["manifest.json", "../x", "/x", "", "a//b", "a\\b", "plan.json/x"])
def test_a_compile_cannot_publish_bad_paths(tmp_path, path):
    with pytest.raises(Bug):
        publish_package(tmp_path / "pkg", {**files(), path: b""}, manifest())
    assert list(tmp_path.iterdir()) == []


def test_paths():
    assert problem_of("ir/stages/00-capture/program.py") is None
    assert problem_of("a" * 300) is not None
    assert is_sealed("buildings/x")
    assert not is_sealed("build/x")


def test_schemas_say_what_the_records_say():
    for name in schema_names():
        schema = json_schema(name)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert json.dumps(schema)
    fields = json_schema("manifest")["$defs"]["Manifest"]
    assert fields["additionalProperties"] is False
    assert "extensions" not in fields["properties"]
    assert "pass" in json_schema("manifest")["$defs"]["StageRecord"]["properties"]
    with pytest.raises(Refused, match=r"cli\.unknown-schema"):
        json_schema("nothing")


def test_backends_bring_the_schemas_of_their_contract_files():
    from htp.declarations import PackageRecord

    backend = current_session().backends["cpu"]
    assert {each.name for each in backend.records} == {"cpu.package", "cpu.source-map"} <= set(schema_names())
    assert all(isinstance(each, PackageRecord) for each in backend.records)
    assert json_schema("cpu.package")["$defs"]["Native"]["properties"]["schema"]["enum"] == ["cpu.package/1"]
