"""Workloads as Python runs them: in the order of the program, with selections and sizes by name."""

import inspect
import traceback

import numpy as np
import pytest
from small_workloads import RUNS, X, cases, double, ragged, written

from htp import In, InOut, Out, Scalar, Tensor, f32, i64
from htp.diagnostics import Refused
from htp_dialect_wsp import DenseDyn, P, scheduled, workload


@pytest.mark.parametrize("name", RUNS)
def test_python_runs_the_meaning(name):
    definition, arguments, expected = RUNS[name]
    for got, wanted in zip(written(definition, arguments), expected, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_tasks_run_in_lexicographic_order():
    seen = []

    @workload
    def order(x: In[Tensor[f32, "N"]]) -> None:
        for i, j in P(2, range(0, 4, 2)):
            for k in P.seq(2):
                seen.append((i, j, k))  # noqa: PERF401

    order(X)
    assert seen == [(0, 0, 0), (0, 0, 1), (0, 2, 0), (0, 2, 1), (1, 0, 0), (1, 0, 1), (1, 2, 0), (1, 2, 1)]


def test_selections_take_one_block_and_evaluate_their_conditions_once():
    seen, asked = [], []

    def ask(value):
        asked.append(value)
        return value

    @workload
    def select(x: In[Tensor[f32, "N"]], n: Scalar[i64]) -> None:
        with P.when(ask(n > 1) and n < 5):
            seen.append("middle")
            with P.case(n, {2, 3}):
                seen.append("low")
            with P.case(n, 3):
                seen.append("never")
            with P.otherwise():
                seen.append("four")
        with P.otherwise():
            seen.append("outside")
        with P.when(n == 3):
            seen.append("three")

    for n, wanted in ((3, ["middle", "low", "three"]), (4, ["middle", "four"]), (7, ["outside"])):
        seen.clear()
        asked.clear()
        select(X, n)
        assert seen == wanted
        assert len(asked) == 1


def test_sizes_by_name_are_parameters_or_sizes_of_the_signature():
    found = []

    @workload
    def sized(x: In[Tensor[f32, "A", "B"]], n: Scalar[i64]) -> None:
        found.append((list(P(DenseDyn("A"))), list(P(DenseDyn("B"))), list(P(DenseDyn("n")))))

    sized(np.zeros((2, 3), np.float32), 1)
    assert found[-1] == ([0, 1], [0, 1, 2], [0])


def test_what_runs_has_the_users_lines_and_variables():
    limit = 1

    @workload
    def broken(x: In[Tensor[f32, "N"]]) -> None:
        """Says so."""
        with P.when(limit):
            raise ValueError("here")  # the line

    with pytest.raises(ValueError, match="here") as caught:
        broken(X)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.filename == __file__
    assert last.line.endswith("# the line")
    assert last.name == "broken"
    assert broken.__doc__ == "Says so."
    assert "with P.when(limit):" in inspect.getsource(broken.python)


def test_bad_data_are_refused_in_the_workloads_line():
    with pytest.raises(Refused) as caught:
        ragged(X, np.array([3, -1], np.int32), X.copy())
    found = caught.value.diagnostic
    assert found.code == "wsp.axis-data"
    assert "rows = Ragged(" in inspect.getsource(ragged.python).split("\n")[found.span.line - ragged.place.line]


def test_without_source_what_needs_none_runs_and_the_rest_says_why():
    scope = {"P": P, "workload": workload, "In": In, "InOut": InOut, "Out": Out, "Tensor": Tensor, "f32": f32,
             "double": double}  # fmt: skip
    signature = 'x: In[Tensor[f32, "N"]], y: InOut[Tensor[f32, "N"]]'
    plain = f"@workload\ndef plain({signature}):\n    for i in P(24):\n        double(x[i:i + 1], y[i:i + 1])"
    exec(plain, scope)
    scope["plain"](X, y := np.zeros_like(X))
    np.testing.assert_array_equal(y, X * 2)
    exec(f"@workload\ndef select({signature}):\n    with P.when(True):\n        double(x, y)", scope)
    with pytest.raises(Refused) as caught:
        scope["select"](X, y)
    assert caught.value.code == "wsp.no-source"


def test_directives_do_nothing_in_python():
    scheduled.tile("i", 2, tail="mask")
    scheduled.prefer.anything("i", 8)
    assert {"tile", "dispatch", "prefer"} <= set(dir(scheduled))
    with pytest.raises(AttributeError):
        scheduled.tyle  # noqa: B018


def test_a_workload_is_a_definition_of_the_dialect():
    assert (cases.kind, cases.dialect, cases.home) == ("workload", "wsp", "htp_dialect_wsp")
    assert [each.name for each in cases.params] == ["x", "n", "y"]
