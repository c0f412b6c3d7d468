"""Tile operations on the stand-in against their meaning, with odd numbers and sizes, and the table of the reference."""

import numpy as np
import pytest
from operation_cases import COLUMNS, ROWS, numbers, outcome
from operation_table import selected, told

from htp import bool_, f32, i32, i64
from htp.testing.operations import operations

FULL = (ROWS, COLUMNS)
CASES = [
    ("tile.maximum(x[:, :], y[:, :])", (f32, FULL)),
    ("tile.max(x[:, :], axis=1, keepdims=True)", (f32, (ROWS, 1))),
    ("tile.argmax(x[:, :], axis=1)", (i64, (ROWS,))),
    ("tile.argsort(x[:, :], 1)", (i64, FULL)),
    ("x[:, :] < y[:, :]", (bool_, FULL)),
    ("p[:, :] < q[:, :]", (bool_, FULL)),
    ("p[:, :] // q[:, :]", (i32, FULL)),
    ("p[:, :] % 7", (i32, FULL)),
    ("tile.cumsum(p[:, :], 1)", (i32, FULL)),
    ("tile.sort(p[:, :], 0, descending=True)", (i32, FULL)),
]


def test_operations_mean_the_same_on_the_stand_in(tmp_path):
    rng = np.random.default_rng(17)
    given = {name: (dtype, numbers(dtype, rng)) for name, dtype in (("x", f32), ("y", f32), ("p", i32), ("q", i32))}
    for text, (want, have) in outcome(CASES, given, tmp_path / "built").items():
        np.testing.assert_array_equal(have, want, err_msg=text)


@pytest.mark.parametrize("op", [each for each, _ in operations()], ids=lambda op: op.name)
def test_the_reference_tells_what_is_selected(op, monkeypatch):
    monkeypatch.setenv("HTP_VERIFY", "off")  # the passes are held to their promises by everything else
    dtypes = {each.name: dtypes for each, dtypes in operations()}[op.name]
    found, codes = selected(op, dtypes)
    assert told()[op.name] == found
    assert codes <= {"pto.not-selected", "pto.tile-rank", "type.shape-mismatch"}
