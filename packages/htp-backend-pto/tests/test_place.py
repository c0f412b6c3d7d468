"""Places of tiles: who shares bytes with whom, what fits, and what is said when it does not."""

import numpy as np
import pytest
from kernel_texts import kernel, product, program, softmax, text_of

import htp
from htp import In, Out, Refused, Tensor, f32, tile
from htp_backend_pto.checker import unplaced
from htp_backend_pto.lower.place.place import Place, arrange, fitting


def places(function, arranged=arrange):
    """The memory, first byte and size behind each name."""
    return {name: (each.space, each.start, each.size) for each in arranged(function) for name in each.life.names}


def test_bytes_of_a_tile_that_is_done_with_are_given_to_the_next():
    found = places(softmax(), fitting)
    assert found["rows"] == ("ub", 0, 64 * 128 * 4)
    assert found["tmp"] == ("ub", 32768, 32768)
    assert found["t1"] == ("ub", 65536, 256)
    assert found["t3"] == ("ub", 0, 32768)  # `rows` is done with when `t2` is made
    assert found["t5"] == ("ub", 32768, 32768)  # and the scratch when `t4` is


def test_tiles_in_use_together_never_overlap():
    for function in (softmax(), product()):
        regions = arrange(function)
        for one in regions:
            for other in regions:
                apart = one.end <= other.start or other.end <= one.start or one.space != other.space
                assert one is other or apart or not one.life.meets(other.life)


def test_what_a_loop_loads_and_stores_has_its_bytes_to_itself_where_there_is_room():
    found = places(softmax())
    taken = [(start, start + size) for name, (_, start, size) in found.items() if name not in ("rows", "t5")]
    for name in ("rows", "t5"):
        _, start, size = found[name]
        assert all(end <= start or start + size <= begin for begin, end in taken)


PAIR = """
a: Tile[f32, 8, 64, ub(ROOM)] = pto.load(x[0:8, :])
b: Tile[f32, 8, 64, ub(ROOM)] = pto.exp(a)
y[0:8, :] = pto.store(b)
c: Tile[f32, 8, 64, ub(ROOM)] = pto.load(x[8:16, :])
d: Tile[f32, 8, 64, ub(ROOM)] = pto.exp(c)
y[8:16, :] = pto.store(d)
"""


@pytest.mark.parametrize(("room", "places_"), [("8, 64", 4), ("160, 128", 2)])
def test_without_a_loop_too_where_there_is_room(room, places_):
    """So that the second load and the second result wait for nothing; 80 KiB have room twice."""
    assert len({places(kernel(PAIR.replace("ROOM", room)))[name][1] for name in "abcd"}) == places_


def test_every_memory_is_counted_by_itself_and_a_sum_stays_where_it_is():
    found = places(product())
    assert found["acc"] == ("l0c", 0, 64 * 64 * 4)
    assert found["left"] == ("l0a", 0, 8192)
    assert found["right"] == ("l0b", 0, 8192)
    assert {found["first"][0], found["other"][0]} == {"l1"}
    assert abs(found["first"][1] - found["other"][1]) >= 8192


def test_a_value_that_a_loop_takes_along_keeps_its_bytes():
    function = kernel("""
total: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[0:8, :])
for i in range(0, M, 8):
    part: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[i:i + 8, :])
    total: Tile[f32, 8, 64, ub(8, 64)] = pto.add(total, part)
    late: Tile[f32, 8, 64, ub(8, 64)] = pto.exp(part)
    y[i:i + 8, :] = pto.store(late)
""")
    found = places(function)
    assert len({found["total"][1], found["part"][1], found["late"][1]}) == 3


def test_what_an_instruction_changes_lies_where_it_lay_and_views_share_bytes():
    function = kernel("""
old: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[0:8, :])
made: Tile[f32, 8, 64, ub(8, 64)] = pto.fillpad_inplace(old, 8, 64, value=0.0)
seen: Tile[f32, 1, 512, ub(1, 512)] = pto.reshape(made, 1, 512)
y[0:1, :] = pto.store(seen)
""")
    assert len({places(function)[name][1] for name in ("old", "made", "seen")}) == 1


def test_the_pass_writes_places_and_its_fact_is_checked_from_the_bytes():
    placed = Place().apply(program(softmax())).main
    assert 'rows: Tile[f32, \'min(64, M - i)\', 128, ub(64, 128, at=0)]' in text_of(placed)
    assert unplaced(placed.body) == []
    clobbered = kernel(text_of(placed).replace("at=65536", "at=0"), *placed.params)
    assert any("`t1` is overwritten" in reason or "`rows`" in reason for reason, _ in unplaced(clobbered.body))


def test_results_lie_on_operands_only_where_instructions_write_what_they_have_read():
    def found(instruction, size, at):
        return [reason.split(", which")[0] for reason, _ in unplaced(kernel(f"""
rows: Tile[f32, 64, 128, ub(64, 128, at=0)] = pto.load(x[0:64, :])
made: Tile[f32, 64, {size}, ub(64, {size}, at={at})] = pto.{instruction}
y[0:64, :] = pto.store(made)
""").body)]

    assert found("exp(rows)", 128, 0) == found("rsqrt(rows)", 128, 32768) == []
    assert found("rsqrt(rows)", 128, 0) == ["`made` lies on `rows`"]
    assert found("exp(rows)", 128, 256) == ["`made` lies on `rows`"]


@htp.kernel
def roots(x: In[Tensor[f32, 16, 64]], y: Out[Tensor[f32, 16, 64]]) -> None:
    t = x[:, :]
    for _ in range(3):
        t = tile.rsqrt(t)
    y[:, :] = t


def test_a_tile_that_becomes_what_may_not_lie_on_it_lies_elsewhere_first(tmp_path):
    x = np.random.default_rng(0).uniform(0.5, 2.0, (16, 64)).astype("f4")
    y = np.empty_like(x)
    htp.bind(htp.compile_program(roots, target="pto:a2a3sim", out=str(tmp_path / "package")), mode="sim")(x, y)
    np.testing.assert_allclose(y, x.astype("f8") ** -0.125, rtol=1e-6)


def test_too_much_is_refused_with_what_lies_there():
    lines = [f"t{n}: Tile[f32, 64, 256, ub(64, 256)] = pto.load(x[{n}:{n} + 64, :])" for n in range(3)]
    lines += ["y[0:64, :] = pto.store(t0)", "y[64:128, :] = pto.store(t1)", "y[128:192, :] = pto.store(t2)"]
    with pytest.raises(Refused) as refused:
        arrange(kernel("\n".join(lines), name="wide"))
    found = refused.value.diagnostic
    assert found.code == "pto.ub-overflow"
    assert found.message == "the tiles in use at once in `wide` need 196608 bytes of UB, which has 188416"
    assert found.span is not None
    assert found.span.line == 3
    assert found.notes[0] == "`t0` (line 1): 65536 bytes, 64 x 256 of 32 bits"
    assert found.help == ("take 32 rows at a time instead of 64: that would need 98304 bytes",)


def test_a_cube_memory_says_its_name():
    text = "\n".join(f"t{n}: Tile[f16, 128, 256, l0a(128, 256)] = pto.mov(big)" for n in range(2))
    first = "big: Tile[f16, 128, 256, l1(128, 256)] = pto.load(a[:, :])"
    body = f"{first}\n{text}\nc: Tile[f32, 128, 256, l0c(128, 256)] = pto.matmul_acc(t0, t1, t1)"
    with pytest.raises(Refused) as refused:
        arrange(kernel(body))
    assert refused.value.code == "pto.buffer-overflow"
    assert "L0A, which has 65536" in refused.value.diagnostic.message


def test_the_largest_goes_first_where_gaps_would_be_too_small():
    """Made early and late, small tiles would leave no gap for a large one between them."""
    function = kernel("""
a: Tile[f32, 64, 128, ub(64, 128)] = pto.load(x[0:64, :])
b: Tile[f32, 64, 128, ub(64, 128)] = pto.exp(a)
c: Tile[f32, 64, 128, ub(64, 128)] = pto.exp(b)
big: Tile[f32, 64, 480, ub(64, 480)] = pto.load(x[0:64, :])
d: Tile[f32, 64, 128, ub(64, 128)] = pto.exp(c)
y[0:64, :] = pto.store(d)
z[0:64, :] = pto.store(big)
""")
    regions = {name: each for each in arrange(function) for name in each.life.names}
    assert all(each.end <= 184 << 10 for each in regions.values())
    assert regions["big"].size == 64 * 480 * 4
