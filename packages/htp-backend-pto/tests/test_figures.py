"""What is counted in a package and told of a run: records, tables, schemas; figures by hand."""

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Tensor, f32, kernel
from htp.artifact.schema import json_schema, schema_names
from htp.views import chrome_trace, timeline_svg
from htp_backend_pto.contract import Graph, Package, SourceMap
from htp_backend_pto.figures.records import Figures
from htp_backend_pto.figures.tables import figures

RECORDS = {
    "pto.package": ("contract/pto.json", Package), "pto.graph": ("contract/graph.json", Graph),
    "pto.source-map": ("contract/source_map.json", SourceMap), "pto.figures": ("contract/figures.json", Figures),
}  # fmt: skip


@kernel
def double(x: In[Tensor[f32, "M", 64]], y: Out[Tensor[f32, "M", 64]]) -> None:
    """Rows of 32."""
    for i in range(0, x.shape[0], 32):
        y[i : i + 32, :] = x[i : i + 32, :] * 2.0


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    path = tmp_path_factory.mktemp("figures") / "package"
    return htp.compile_program(double, target="pto:a2a3sim", out=str(path))


@pytest.fixture(scope="module")
def report(package):
    x = np.ones((70, 64), "f4")
    return htp.bind(package, mode="sim").run(x, np.empty_like(x), trace=True)


@pytest.mark.parametrize("name", RECORDS)
def test_contract_files_have_schemas_and_are_what_these_say(name, package):
    path, record = RECORDS[name]
    assert name in schema_names()
    schema = json_schema(name)
    found = package.record(path, record)
    definition = schema["$defs"][record.__name__]
    assert definition["additionalProperties"] is False
    assert definition["properties"]["schema"]["enum"] == [f"{name}/1"]
    assert found.schema == f"{name}/1"


def test_a_kernel_is_counted_as_it_is_written(package):
    (made,) = package.record("contract/figures.json", Figures).kernels
    assert made.instructions == {"MTE2": {"TLOAD": 1}, "MTE3": {"TSTORE": 1}, "V": {"TMULS": 1}}
    assert (made.flags, made.barriers) == (2, 0)
    assert [(each.array, each.direction, each.terms[0].amount) for each in made.traffic] == [
        ("x", "in", "256 * m"), ("y", "out", "256 * m")
    ]  # fmt: skip
    (memory,) = made.memory
    assert (memory.space, memory.capacity) == ("ub", 184 * 1024)
    assert memory.used == memory.live == sum(each.bytes for each in memory.tiles) == 2 * 32 * 64 * 4


def test_a_run_says_when_which_task_ran_where(report):
    """Three tiles of 32, 32 and 6 rows, on a core each; 8192 bytes take 139.9 cycles to load and 74.9 to store."""
    assert (report.tasks.tasks, report.tasks.window_high_water) == (3, None)
    assert report.simulated.workers == ("aiv 0", "aiv 1", "aiv 2")
    computed = 11 + 1 * 32 + 15
    (inside,) = report.simulated.kernels
    assert (inside.kernel, inside.task, inside.cycles) == ("double_0", 0, 140 + computed + 75)
    assert [(each.unit, [work.name for work in each.works]) for each in inside.units] == [
        ("MTE2", ["TLOAD"]), ("V", ["TMULS"]), ("MTE3", ["TSTORE"])
    ]  # fmt: skip
    assert [(each.start, each.end) for each in report.simulated.tasks[:2]] == [(0, inside.cycles)] * 2
    assert inside.counts == {"tasks": 3, "loaded": 70 * 256, "stored": 70 * 256, "instructions": 9}
    assert report.simulated.makespan == inside.cycles
    assert report.simulated.window_high_water == 3


def test_tables_say_it_to_people(package, report):
    with_run = figures(package, report)
    assert [each.title for each in with_run][-1] == "One run, in simulated time"
    assert [each.title for each in figures(package, None)] == [each.title for each in with_run[:-1]]
    assert all(len(row) == len(each.columns) for each in with_run for row in each.rows)
    assert with_run[-1].rows[-1][:5] == ("all", "3", "17920", "17920", "9")


def test_drawings_have_a_lane_for_each_pipe(report):
    drawn = timeline_svg(report)
    assert "inside double_0, task 0" in drawn
    assert "aiv 2" in drawn
    assert all(f">{pipe} " in drawn for pipe in ("MTE2", "V", "MTE3"))
    assert b'"inside double_0, task 0"' in chrome_trace(report)


def test_an_altered_contract_is_refused_by_its_record(package):
    text = (package.path / "contract/figures.json").read_bytes()
    import msgspec

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text.replace(b"pto.figures/1", b"pto.figures/2"), type=Figures)
    with pytest.raises(Refused, match=r"cli\.unknown-schema"):
        json_schema("pto.nothing")
