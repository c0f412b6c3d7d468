"""On-chip tiles: where NumPy would put their elements, what they refuse, and how programs carry them."""

import numpy as np
import pytest

from htp import Refused
from htp.capabilities import Typed
from htp.capture import parse_program
from htp.strides import strided
from htp.testing import FacetConformance
from htp_backend_pto.layouts import OnChip, bias, l0a, l0b, l0c, l1, to_strided, ub
from htp_backend_pto.tiles import declared, room_of


class TestOnChip(FacetConformance):
    subject = OnChip
    examples = (
        (ub(8, 16), (5, 9), 32),
        (ub(8, 8), (8, 8), 32),
        (ub(8, 1, "dn"), (7, 1), 32),
        (ub(8, 4, "dn", at=64), (8, 3), 32),
        (ub(4, 256, "bits"), (3, 40), 8),
        (l1(32, 16, box=8), (20, 13), 32),
        (l1(16, 32, "zn", box=8, at="64 * k"), (16, 32), 32),
        (l0a(32, 32), (32, 17), 16),
        (l0b(32, 48), (31, 33), 16),
        (l0c(32, 32), (16, 16), 32),
        (bias(1, 16), (1, 9), 32),
    )


def packed(facet, numbers):
    """The tile's memory as NumPy packs its boxes."""
    rows, columns = numbers.shape
    b = facet.box
    match facet.form:
        case "nd" | "bits":
            return numbers.ravel()
        case "dn":
            return numbers.T.ravel()
        case "nz":
            return numbers.reshape(rows // 16, 16, columns // b, b).transpose(2, 0, 1, 3).ravel()
        case "zz":
            return numbers.reshape(rows // 16, 16, columns // b, b).transpose(0, 2, 1, 3).ravel()
        case "zn":
            return numbers.reshape(rows // b, b, columns // 16, 16).transpose(0, 2, 3, 1).ravel()


@pytest.mark.parametrize(
    "facet",
    [ub(8, 16), ub(8, 3, "dn"), l1(48, 32), l1(48, 32, box=8), l1(32, 48, "zn"), l1(16, 48, "zn", box=8), l0a(48, 32),
     l0b(32, 48), l0c(32, 48)],
    ids=repr,
)  # fmt: skip
def test_elements_lie_where_numpy_packs_them(facet):
    shape = (facet.rows, facet.columns)
    memory = packed(facet, np.arange(np.prod(shape)).reshape(shape))
    found = [memory[facet.place(*index)] for index in np.ndindex(shape)]
    assert found == list(range(np.prod(shape)))


@pytest.mark.parametrize(
    ("facet", "shape", "bits", "text"),
    [
        (ub(16, 100), (16, 100), 16, "a row of 200 bytes is no multiple of 32 bytes"),
        (ub(9, 1, "dn"), (9, 1), 32, "a row of 36 bytes"),
        (ub(64, 64, "bits"), (64, 64), 8, "a row of 8 bytes"),
        (l1(24, 40), (24, 40), 16, "it is no whole number of 16 x 16 boxes"),
        (l1(32, 32), (32, 32), 32, "a box is 8 elements wide"),
        (l0c(16, 16, box=8), (16, 16), 32, "a box is 16 elements wide"),
        (ub(16, 16), (17, 16), 32, "it has room for 16 x 16"),
        (ub(16, 16), (16,), 32, "has two dimensions"),
        (l0a(16, 16, "nd"), (16, 16), 16, "`l0a` holds zz"),
    ],
)
def test_what_does_not_fit_is_said(facet, shape, bits, text):
    (found,) = facet.check(shape, bits)
    assert found.code == "pto.bad-tile"
    assert text in found.message


def test_the_help_names_a_room_that_fits():
    assert ub(16, 100).check((16, 100), 16)[0].help == ("pad it to 112 elements",)
    assert ub(16, 112).check((16, 100), 16) == ()
    assert l1(24, 40).check((24, 40), 16)[0].help == ("make it 32 x 48",)
    assert l1(32, 48).check((24, 40), 16) == ()


def test_bytes_are_those_of_the_whole_tile():
    assert ub(64, 128).nbytes(32) == 64 * 128 * 4
    assert ub(64, 256, "bits").nbytes(8) == 64 * 32
    assert l0c(128, 256).nbytes(32) == 131072


def test_rows_and_columns_have_strides_and_boxes_have_none():
    assert to_strided(ub(8, 16)) == strided(16, 1)
    assert to_strided(ub(8, 4, "dn")) == strided(1, 8)
    with pytest.raises(Refused) as caught:
        to_strided(l0a(16, 16))
    assert caught.value.code == "pto.not-strided"


@pytest.mark.parametrize("facet", [each for each, _, _ in TestOnChip.examples], ids=repr)
def test_a_facet_reads_back_from_its_text(facet):
    assert eval(repr(facet)) == facet


STAGE = '''\
from htp import In, Out, Tensor, Tile, kernel, f32, tile
from htp_backend_pto.layouts import ub


@kernel
def double(x: In[Tensor[f32, "M", "N"]], y: Out[Tensor[f32, "M", "N"]]) -> None:
    """Twice, a tile of at most 16 rows after the other."""
    M, N = x.shape
    for i in range(0, M, 16):
        t: Tile[f32, "min(16, M - i)", "N", ub(16, 64)] = x[i:min(M, i + 16), :]
        u: Tile[f32, "min(16, M - i)", 1, ub(16, 1, "dn", at="i // 16 % 2 * 64")] = tile.max(t, axis=1, keepdims=True)
        y[i:min(M, i + 16), :] = t - u


if __name__ == "__main__":
    from htp import run_stage

    run_stage(double)
'''


def test_a_stage_with_rooms_is_typed_reads_back_and_runs():
    program = parse_program(STAGE, "program.py")
    Typed().verify(program)
    assert parse_program(program.text(), "program.py").canonical == program.canonical
    assert "from htp_backend_pto.layouts import ub\n" in program.text()
    rooms = {name: room_of(type_) for _, name, type_ in declared(program.main.body)}
    assert rooms == {"t": ub(16, 64), "u": ub(16, 1, "dn", at="i // 16 % 2 * 64")}
    stage = {"__name__": "stage"}
    exec(compile(program.text(), "program.py", "exec"), stage)
    x = np.random.default_rng(0).standard_normal((37, 50)).astype(np.float32)
    stage["double"](x, y := np.empty_like(x))
    assert (y == x - x.max(axis=1, keepdims=True)).all()
