"""`wsp.compose`: words of the dialect become plain loops, branches and calls, and the meaning stays."""

import pytest
from small_workloads import RUNS, add, double, written
from stage_texts import lines_of, runnable

import htp
from htp import In, InOut, Out, Scalar, Tensor, empty, f32, i32, i64, kernel
from htp.capabilities import Captured
from htp.capture import capture, parse_program
from htp.diagnostics import Refused
from htp.passes import run_step
from htp.uses import with_uses
from htp_dialect_wsp import Dense, DenseDyn, P, Ragged, Sparse, combine, workload
from htp_dialect_wsp.capabilities import Nested
from htp_dialect_wsp.compose import Compose


def composed(definition):
    return run_step(Compose(), with_uses(capture(definition)).with_facts([Captured()]), verify=True).program


def refused(definition):
    with pytest.raises(Refused) as caught:
        composed(definition)
    found = caught.value.diagnostic
    assert found.help
    assert found.span.file == __file__
    return found


@pytest.mark.parametrize("name", RUNS)
def test_the_stage_reads_back_and_runs_as_python(name):
    import numpy as np

    definition, arguments, expected = RUNS[name]
    program = composed(definition)
    assert Nested() in program.facts
    assert parse_program(program.text(), "program.py").canonical == program.canonical
    for got, wanted in zip(written(definition, arguments, runnable(program)), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_axes_become_one_loop_for_each_coordinate():
    @workload
    def axes(
        x: In[Tensor[f32, "N"]], n: Scalar[i32], lengths: In[Tensor[i32, "R"]], indptr: In[Tensor[i32, "Q"]],
        indices: In[Tensor[i32, "K"]], y: InOut[Tensor[f32, "N"]],
    ) -> None:  # fmt: skip
        rows = Ragged(DenseDyn("R"), lengths)
        links = Sparse(indptr, indices)
        for i in P(DenseDyn("n")):
            for r, k in P(rows):
                add(x[rows.start(r) + k:r], y[i:i + 1])
        for s, q, e in P.seq(links):
            add(x[e:e + 1], y[q:s])
        for f in P.sel(links[2]):
            add(x[f:f + 1], y[f:f + 1])

    assert lines_of(composed(axes)) == [
        "rows = Ragged(lengths.shape[0], lengths)",
        "links = Sparse(indptr, indices)",
        "axis = Dense(n)",
        "for i in P(n):",
        "    for r in P(lengths.shape[0]):",
        "        for k in P(tile.item(lengths[r])):",
        "            add(x[rows.start(r) + k:r], y[i:i + 1])",
        "for s in P.seq(indptr.shape[0] - 1):",
        "    for q in P.seq(range(tile.item(indptr[s]), tile.item(indptr[s + 1]))):",
        "        e = tile.item(indices[q])",
        "        add(x[e:e + 1], y[q:s])",
        "for f_k in P(range(tile.item(indptr[2]), tile.item(indptr[3]))):",
        "    f = tile.item(indices[f_k])",
        "    add(x[f:f + 1], y[f:f + 1])",
    ]


def test_an_axis_whose_size_may_be_negative_is_made_before_the_loops_that_do_not_change_it():
    @workload
    def sized(x: In[Tensor[f32, "N"]], n: Scalar[i32], y: InOut[Tensor[f32, "N"]]) -> None:
        for i in P(Dense(x.shape[0])):
            for j in P.seq(DenseDyn("n")):
                for k in P.seq(Dense(j - 2)):
                    add(x[i:i + 1], y[k:k + 1])

    assert lines_of(composed(sized)) == [
        "axis = Dense(n)",
        "for i in P(x.shape[0]):",
        "    for j in P.seq(n):",
        "        axis_2 = Dense(j - 2)",
        "        for k in P.seq(j - 2):",
        "            add(x[i:i + 1], y[k:k + 1])",
    ]


def test_selections_become_branches():
    @workload
    def select(x: In[Tensor[f32, "N"]], n: Scalar[i32], y: InOut[Tensor[f32, "N"]]) -> None:
        with P.when(n > 1 and n < 5):
            add(x, y)
        with P.otherwise():
            with P.case(n, {0, 1}):
                double(x, y)
            with P.case(n, 7):
                add(x, y)
            with P.otherwise():
                add(y, y)
        with P.when(n == 3):
            add(x, y)

    assert lines_of(composed(select)) == [
        "if n > 1 and n < 5:",
        "    add(x, y)",
        "else:",
        "    if n == 0 or n == 1:",
        "        double(x, y)",
        "    else:",
        "        if n == 7:",
        "            add(x, y)",
        "        else:",
        "            add(y, y)",
        "if n == 3:",
        "    add(x, y)",
    ]


def test_workloads_are_inlined_and_names_stay_apart():
    @workload
    def inner(x: In[Tensor[f32, "N"]], by: Scalar[i64], y: Out[Tensor[f32, "N"]]) -> None:
        N = x.shape[0]
        by = by * 2
        for i in P(range(0, N, 8)):
            part = x[i:i + 8]
            double(part, y[i:i + 8])

    @workload
    def outer(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]], z: Out[Tensor[f32, "N"]]) -> None:
        M, N = x.shape
        for i in P(M):
            inner(x[i], i + 1, y[i, 0:N])
        combine(inner(x[0], 3, z))

    program = composed(outer)
    assert [each.name for each in program.functions] == ["double", "outer"]
    assert lines_of(program) == [
        "M, N = x.shape",
        "for i in P(M):",
        "    by = i + 1",
        "    N_2 = x[i].shape[0]",
        "    by = by * 2",
        "    for i_2 in P(range(0, N_2, 8)):",
        "        double(x[i][i_2:i_2 + 8], y[i, 0:N][i_2:i_2 + 8])",
        "by_2 = 3",
        "N_3 = x[0].shape[0]",
        "by_2 = by_2 * 2",
        "for i_3 in P(range(0, N_3, 8)):",
        "    double(x[0][i_3:i_3 + 8], z[i_3:i_3 + 8])",
    ]


def test_regions_and_tuples_of_buffers_stand_where_they_are_used():
    @workload
    def names(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        N = x.shape[0]
        a, b = empty((N,), f32), x[0:N]
        c = a
        double(b, c[0:N])
        d = c[0:4]
        double(d[1:3], y)

    assert lines_of(composed(names)) == [
        "N = x.shape[0]",
        "a = empty((N,), f32)",
        "double(x[0:N], a[0:N])",
        "double(a[0:4][1:3], y)",
    ]


def test_loops_after_each_other_get_names_of_their_own():
    @workload
    def again(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        for i in P(2):
            double(x[i:i + 1], y[i:i + 1])
        for i, j in P(2, 3):
            double(x[i:j], y[i:j])

    assert lines_of(composed(again)) == [
        "for i in P(2):",
        "    double(x[i:i + 1], y[i:i + 1])",
        "for i_2 in P(2):",
        "    for j in P(3):",
        "        double(x[i_2:j], y[i_2:j])",
    ]


def test_a_program_without_workloads_stays():
    program = with_uses(capture(double)).with_facts([Captured()])
    assert run_step(Compose(), program, verify=True).program.functions == program.functions


@kernel
def refill(lengths: Out[Tensor[i32, "R"]]) -> None:
    lengths[:] = 1


def test_what_cannot_be_understood_is_refused():
    @workload
    def missing(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
        for i in P(2, 3):
            double(x[i:i + 1], y[i:i + 1])

    assert (refused(missing).code, "2 coordinates, and 1 name" in refused(missing).message) == ("wsp.coordinates", True)

    @workload
    def lone(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
        with P.otherwise():
            double(x, y)

    assert refused(lone).code == "wsp.bad-selection"

    @workload
    def size(x: In[Tensor[f32, "Number"]], y: InOut[Tensor[f32, "Number"]]) -> None:
        for i in P(DenseDyn("number")):
            double(x[i:i + 1], y[i:i + 1])

    assert refused(size).help == ("did you mean `Number`?",)

    @workload
    def moving(x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]) -> None:
        at = 0
        part = x[at:at + 8]
        at = 8
        double(part, y[0:8])

    assert refused(moving).code == "wsp.moving-region"

    @workload
    def hidden(x: In[Tensor[f32, "N"]], n: Scalar[i32], y: InOut[Tensor[f32, "N"]]) -> None:
        if n > 1:
            part = x[0:8]
        double(part, y[0:8])

    assert refused(hidden).code == "wsp.moving-region"

    @workload
    def refilled(
        x: In[Tensor[f32, "N"]], lengths: InOut[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]
    ) -> None:
        rows = Ragged(2, lengths)
        refill(lengths)
        for r, i in P(rows):
            double(x[r:i], y[r:i])

    assert refused(refilled).code == "wsp.axis-written"

    @workload
    def chosen_row(x: In[Tensor[f32, "N"]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]) -> None:
        rows = Ragged(2, lengths)
        for i in P.sel(rows[0]):
            double(x[i:i + 1], y[i:i + 1])

    assert refused(chosen_row).code == "wsp.bad-axis"

    @workload
    def quoted(x: In[Tensor[f32, "N"]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]) -> None:
        for r, i in P.seq(Ragged("R", lengths)):
            double(x[r:i], y[r:i])

    found = refused(quoted)
    assert (found.code, "`'R'` is text and cannot be `outer`" in found.message) == ("wsp.bad-axis", True)

    @workload
    def half(x: In[Tensor[f32, "N"]], lengths: In[Tensor[i32, "R"]], y: InOut[Tensor[f32, "N"]]) -> None:
        for r, i in P(Ragged(lengths)):
            double(x[r:i], y[r:i])

    assert refused(half).message == "`Ragged(lengths)` is an axis without `lengths`"

    @workload
    def store(y: InOut[Tensor[f32, "N"]]) -> None:
        y[0:1] = 0.0

    assert refused(store).code == "wsp.store"


def test_words_of_workloads_are_refused_in_other_functions():
    @kernel
    def walks(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        for i in P(range(0, x.shape[0], 8)):
            y[i:i + 8] = x[i:i + 8]

    @workload
    def calls(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
        walks(x, y)

    for each in (walks, calls):
        with pytest.raises(Refused) as caught:
            htp.plan(each)
        assert caught.value.code == "wsp.outside-workload"
        assert "`walks`, which is a kernel" in caught.value.diagnostic.message
        assert caught.value.diagnostic.help
