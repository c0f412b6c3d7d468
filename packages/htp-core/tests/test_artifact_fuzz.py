"""Mutated manifests: every one is refused with a code, or means exactly what it meant."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from htp.artifact import Manifest, open_package, publish_package
from htp.artifact.manifest import ConstantRecord, DirectiveOutcome, EntryRecord, ParameterRecord, VariableRecord
from htp.artifact.seal import canonical, manifest_digest, parse_manifest
from htp.diagnostics import Refused

VALUES = [
    None,
    True,
    -1,
    0,
    2**63,
    10**30,
    1.5,
    1e308,
    "",
    "../x",
    "htp.manifest/1",
    "\u0000",
    "é",
    [],
    {},
    [[]],
    {"a": 1},
]


@pytest.fixture
def package(tmp_path: Path):
    manifest = Manifest(
        entry="f",
        target="cpu",
        dims={"N": 4},
        constants=(ConstantRecord(name="k", value="3"),),
        entries=(
            EntryRecord(name="f", kind="kernel", parameters=(ParameterRecord(name="x", direction="in", type="T"),)),
        ),
        directives=(DirectiveOutcome(directive="tile", outcome="lowered"),),
        environment=(VariableRecord(name="HTP_VERIFY"),),
    )
    return publish_package(tmp_path / "pkg", {"plan.json": b"{}\n", "a/b": b"x"}, manifest)


def check(package, data: bytes) -> bool:
    """Whether the mutated manifest is refused; otherwise it must be the original one."""
    (package.path / "manifest.json").write_bytes(data)
    try:
        found = open_package(package.path)
    except Refused as error:
        refused = error
    else:
        assert found == package
        return False
    assert refused.diagnostics
    assert all(each.code.startswith("artifact.") for each in refused.diagnostics)
    assert str(refused)
    return True


def test_a_thousand_mutated_texts(package):
    draw = random.Random(1)
    original = (package.path / "manifest.json").read_bytes()
    refused = 0
    for _ in range(1000):
        data = bytearray(original)
        for _ in range(draw.randint(1, 3)):
            place = draw.randrange(len(data))
            kind = draw.randrange(5)
            if kind == 0:
                data[place] = draw.randrange(256)
            elif kind == 1:
                del data[place : place + draw.randint(1, 40)]
            elif kind == 2:
                data[place:place] = draw.choice([b"\xff", b"\x00", b"{", b"]", b'"', b",", b"1e999", b"9" * 400, b" "])
            elif kind == 3:
                data[place:place] = data[: draw.randrange(1, 200)]
            else:
                data = data[: place + 1]
        refused += check(package, bytes(data))
    assert refused > 950


def test_a_thousand_mutated_trees(package):
    """Structural mutations, half of them sealed again by a forger."""
    draw = random.Random(2)
    original = (package.path / "manifest.json").read_bytes()
    refused = 0
    for number in range(1000):
        tree = json.loads(original)
        for _ in range(draw.randint(1, 2)):
            mutate(tree, draw)
        data = json.dumps(tree, sort_keys=True, indent=2, ensure_ascii=False).encode() + b"\n"
        if number % 2:
            data = forge(tree) or data
        try:
            refused += check(package, data)
        except AssertionError:
            found = open_package(package.path)  # a forged seal over harmless fields is a valid package
            assert number % 2
            assert canonical(found.manifest) == data
            assert found.files == package.files
    assert refused > 600


def mutate(tree: object, draw: random.Random) -> None:
    places: list[tuple[object, object]] = []

    def walk(node: object) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in items:
            places.append((node, key))
            walk(value)

    walk(tree)
    node, key = draw.choice(places)
    kind = draw.randrange(4)
    if kind == 0:
        del node[key]
    elif kind == 1 and isinstance(node, dict):
        node[draw.choice(["x_plugin", "extra", "extensions", "schema", "path"])] = draw.choice(VALUES)
    else:
        node[key] = draw.choice(VALUES)


def forge(tree: object) -> bytes | None:
    try:
        manifest = parse_manifest(tree)
        manifest = msgspec.structs.replace(manifest, digest=manifest_digest(manifest))
        return canonical(manifest)
    except (msgspec.MsgspecError, TypeError, AttributeError, ValueError):
        return None
