"""Cycles of instructions, against figures worked out by hand from the published ones."""

import pytest

from htp_backend_pto import isa
from htp_backend_pto.isa import cost


def test_every_figure_is_of_an_instruction():
    assert set(cost.VECTOR) | set(cost.REDUCTIONS) | set(cost.LIKE) <= set(isa.INSTRUCTIONS)


def test_moves_take_bytes_by_bandwidth():
    # 100.9 GiB/s at 1.85 GHz are 58.56 bytes a cycle.
    assert cost.moved_cycles(64 * 1024, "gm", "ub") == pytest.approx(1119.1, rel=1e-3)
    assert cost.moved_cycles(1024, "ub", "l0a") is None


@pytest.mark.parametrize(
    ("name", "rows", "row_bytes", "cycles"),
    [
        ("add", 16, 256, 10 + 2 * 16 + 14),
        ("add", 16, 512, 10 + 2 * 32 + 14),
        ("add", 16, 128, 10 + 2 * 16 + 14 + 16),
        ("exp", 1, 256, 13 + 2 + 18),
        ("mrgsort", 1, 256, None),
    ],
)
def test_vector_instructions_take_repeats(name, rows, row_bytes, cycles):
    assert cost.vector_cycles(name, rows, row_bytes) == cycles


def test_reductions_at_fitted_widths_and_between_them():
    assert cost.reduction_cycles("rowsum", 10, 64) == 114
    assert cost.reduction_cycles("rowmin", 10, 128) == 128
    assert cost.reduction_cycles("rowsum", 10, 96) == pytest.approx(7.5 * 10 + 52.75)
    assert cost.reduction_cycles("rowsum", 10, 672) == pytest.approx(282 + 121)
    assert cost.reduction_cycles("rowsum", 10, 8) == 129
    assert cost.reduction_cycles("trans", 10, 8) is None


def test_products_take_fractals():
    assert cost.product_cycles(128, 64, 256, 16) == 6 + 8 * 4 * 16
    assert cost.product_cycles(128, 64, 256, 32) == 6 + 2 * 8 * 8 * 16
    assert cost.product_cycles(1, 1, 1, 8) == 7
