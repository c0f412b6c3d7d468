import os

import pytest

from htp_backend_cpu.host import host_model


def machine(root, flags, caches, memory="MemTotal:       24683 kB\n", field="flags"):
    (root / "proc").mkdir()
    (root / "proc/cpuinfo").write_text(f"processor\t: 0\n{field}\t\t: {flags}\n" if flags else "")
    if memory:
        (root / "proc/meminfo").write_text(memory)
    for index, (level, kind, size) in enumerate(caches):
        folder = root / f"sys/devices/system/cpu/cpu0/cache/index{index}"
        folder.mkdir(parents=True)
        for name, value in (("level", level), ("type", kind), ("size", size), ("coherency_line_size", "64")):
            (folder / name).write_text(f"{value}\n")
    return host_model(str(root))


def test_an_x86_machine(tmp_path):
    caches = [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "1024K"), ("3", "Unified", "32M")]
    model = machine(tmp_path, "fpu sse2 avx avx2 fma avx512f avx512_bf16", caches)
    assert model.check() == ()
    assert [(each.name, each.capacity, each.managed) for each in model.spaces] == [
        ("dram", 24683 * 1024, False),
        ("l1", 48 * 1024, True),
        ("l2", 1 << 20, True),
        ("l3", 32 << 20, True),
    ]
    simd = model.unit("vector")
    assert (simd.width, simd.lanes(32), simd.lanes(64)) == (64, 16, 8)
    assert simd.features == ("avx", "avx2", "avx512_bf16", "avx512f", "fma", "sse2")
    assert "bf16" in simd.dtypes
    assert "f16" not in simd.dtypes
    assert model.limit("registers.vector") == 32


@pytest.mark.parametrize(
    ("flags", "field", "width", "registers"),
    [
        ("sse2 avx avx2 fma", "flags", 32, 16),
        ("sse2", "flags", 16, 16),
        ("fp asimd asimdhp", "Features", 16, 32),
        ("rv64", "flags", None, None),
    ],
)
def test_vector_widths(tmp_path, flags, field, width, registers):
    model = machine(tmp_path, flags, [], field=field)
    assert model.unit("vector").width == width
    assert model.limit("registers.vector") == registers


def test_what_cannot_be_read_is_absent(tmp_path):
    model = machine(tmp_path, "", [], memory="")
    assert model.check() == ()
    assert model.space("dram").capacity is None
    assert model.space("l1") is None
    assert model.level("core").units is None
    assert model.unit("vector").width is None
    assert model.unit("vector").features == ()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
def test_this_machine():
    model = host_model()
    assert model.check() == ()
    assert model.level("core").units == len(os.sched_getaffinity(0))
    assert type(model).from_json(model.to_json()) == model
