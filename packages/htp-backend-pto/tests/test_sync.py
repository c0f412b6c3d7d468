"""Flags and barriers: what is put where, that it suffices, and that nothing is left over."""

import pytest
from kernel_texts import kernel, product, program, softmax, text_of

from htp_backend_pto.checker import redundant, unordered
from htp_backend_pto.lower.place.place import Place
from htp_backend_pto.lower.sync.sync import Synchronize


def ordered(function):
    """The kernel with places and flags."""
    return Synchronize().apply(Place().apply(program(function))).main


def lines(function):
    """The words of the kernel, and the results of its instructions, line by line."""
    return [each.strip().split(":")[0] for each in text_of(function).splitlines()]


def test_a_load_a_computation_and_a_store_wait_for_each_other():
    function = ordered(kernel("""
t: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[0:8, :])
u: Tile[f32, 8, 64, ub(8, 64)] = pto.exp(t)
y[0:8, :] = pto.store(u)
"""))
    assert lines(function) == [
        "t", "set_flag('MTE2', 'V', 0)", "wait_flag('MTE2', 'V', 0)", "u", "set_flag('V', 'MTE3', 0)",
        "wait_flag('V', 'MTE3', 0)", "y[0",
    ]  # fmt: skip


def test_vector_instructions_on_the_same_bytes_have_a_barrier_between_them_and_others_none():
    function = ordered(kernel("""
a: Tile[f32, 8, 64, ub(8, 64)] = pto.expands(1.0, 8, 64, dtype=f32)
b: Tile[f32, 8, 64, ub(8, 64)] = pto.expands(2.0, 8, 64, dtype=f32)
c: Tile[f32, 8, 64, ub(8, 64)] = pto.add(a, b)
y[0:8, :] = pto.store(c)
"""))
    assert lines(function)[:4] == ["a", "b", "pipe_barrier('V')", "c"]


def test_a_loop_hands_its_buffers_from_one_iteration_to_the_next():
    found = lines(ordered(softmax()))
    assert found[:3] == ["set_flag('V', 'MTE2', 0)", "set_flag('MTE3', 'V', 0)", "for i in range(0, M, 64)"]
    assert found[3] == "wait_flag('V', 'MTE2', 0)"
    assert found[-2:] == ["wait_flag('V', 'MTE2', 0)", "wait_flag('MTE3', 'V', 0)"]
    assert found.count("pipe_barrier('V')") == 5


@pytest.mark.parametrize("made", [softmax, product], ids=["softmax", "product"])
def test_what_is_inserted_suffices_and_every_flag_is_needed(made):
    function = ordered(made())
    assert unordered(function.body) == []
    assert redundant(function.body) == []
    assert unordered(Place().apply(program(made())).main.body) != []


@pytest.mark.parametrize("made", [softmax, product], ids=["softmax", "product"])
def test_without_any_one_of_its_words_a_kernel_is_wrong(made):
    """The checker alone, on texts: each line with a word is left out in turn."""
    text = text_of(ordered(made())).splitlines()
    words = [index for index, line in enumerate(text) if "_flag(" in line or "barrier(" in line]
    assert len(words) > 8
    for index in words:
        assert unordered(kernel("\n".join(text[:index] + text[index + 1 :])).body), text[index]


def test_branches_are_ordered_as_a_whole():
    function = ordered(kernel("""
t: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[0:8, :])
if M > 8:
    t: Tile[f32, 8, 64, ub(8, 64)] = pto.muls(t, 2.0)
y[0:8, :] = pto.store(t)
"""))
    found = lines(function)
    assert found.index("wait_flag('MTE2', 'V', 0)") < found.index("if M > 8")
    assert unordered(function.body) == []


@pytest.mark.parametrize("head", ["for j in range(0, N, 8)", "if M > 8"])
def test_what_is_ordered_in_a_loop_or_branch_is_not_known_where_it_is_left_out(head):
    function = ordered(kernel(f"""
w: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[0:8, :])
acc: Tile[f32, 8, 64, ub(8, 64)] = pto.expands(0.0, 8, 64, dtype=f32)
{head}:
    t: Tile[f32, 8, 64, ub(8, 64)] = pto.load(z[0:8, :])
    acc: Tile[f32, 8, 64, ub(8, 64)] = pto.add(acc, t)
u: Tile[f32, 8, 64, ub(8, 64)] = pto.add(w, acc)
y[0:8, :] = pto.store(u)
"""))
    found = lines(function)
    assert found[1] == "set_flag('MTE2', 'V', 0)"
    assert found.index("wait_flag('MTE2', 'V', 0)") == found.index("u") - 1
    assert unordered(function.body) == redundant(function.body) == []
    left = [each for each in text_of(function).splitlines() if "'MTE2', 'V', 0" not in each]
    (reason,) = {each for each, _ in unordered(kernel("\n".join(left)).body)}
    assert "pto.add(w, acc)` on V does not wait for" in reason


INNER = """
    for j in range(0, N, 8):
        t{0}: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[j:j + 8, :])
        u{0}: Tile[f32, 8, 64, ub(8, 64)] = pto.add(t{0}, t{0})
        y[j:j + 8, :] = pto.store(u{0})
"""
HANDED_ON = {"set_flag('V', 'MTE2', 0)", "set_flag('MTE3', 'V', 0)"}


@pytest.mark.parametrize("count", [1, 2])
def test_what_the_turns_of_inner_loops_hand_on_is_raised_once_before_the_outer_loop(count):
    inner = INNER.format(1) + INNER.format(2) * (count - 1)
    function = ordered(kernel("for i in range(0, M, 8):" + inner))
    found = text_of(function).splitlines()
    assert set(found[:2]) == HANDED_ON
    assert found[2:4] == ["for i in range(0, M, 8):", "    for j in range(0, N, 8):"]
    assert {each.replace("wait", "set") for each in found[-2:]} == HANDED_ON
    assert not any(each.startswith("    set_flag") or each.startswith("    wait_flag") for each in found)
    assert unordered(function.body) == redundant(function.body) == []


def test_an_event_stays_where_the_outer_loop_needs_it():
    """The load of `w` follows the last use of the one before only because the inner loop is waited for."""
    function = ordered(kernel("""
for i in range(0, M, 8):
    w: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[i:i + 8, :])
    for j in range(0, N, 8):
        t: Tile[f32, 8, 64, ub(8, 64)] = pto.load(z[j:j + 8, :])
        u: Tile[f32, 8, 64, ub(8, 64)] = pto.add(w, t)
        y[j:j + 8, :] = pto.store(u)
"""))
    found = text_of(function).splitlines()
    assert found[0] == "set_flag('MTE3', 'V', 0)"
    assert found[3] == "    set_flag('V', 'MTE2', 0)"
    assert found[-2:] == ["    wait_flag('V', 'MTE2', 0)", "wait_flag('MTE3', 'V', 0)"]
    assert unordered(function.body) == redundant(function.body) == []


def test_events_of_nested_loops_do_not_meet():
    function = ordered(kernel("""
for i in range(0, M, 8):
    w: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[i:i + 8, :])
    for j in range(0, N, 8):
        t: Tile[f32, 8, 64, ub(8, 64)] = pto.load(z[j:j + 8, :])
        u: Tile[f32, 8, 64, ub(8, 64)] = pto.add(w, t)
        y[j:j + 8, :] = pto.store(u)
"""))
    assert unordered(function.body) == []


def test_more_waits_than_events_become_barriers_of_all_pipes():
    loads = [f"t{n}: Tile[f32, 8, 64, ub(8, 64)] = pto.load(x[{n}:{n} + 8, :])" for n in range(10)]
    uses = [f"u{n}: Tile[f32, 8, 64, ub(8, 64)] = pto.exp(t{n})" for n in reversed(range(10))]
    function = ordered(kernel("for i in range(0, M, 8):\n" + "\n".join(f"    {each}" for each in loads + uses)))
    assert unordered(function.body) == []


def test_the_checker_sees_events_without_partners():
    load = "t: Tile[f32, 8, 64, ub(8, 64, at=0)] = pto.load(x[0:8, :])\n"
    alone = [reason for reason, _ in unordered(kernel(load + "set_flag('MTE2', 'V', 0)").body)]
    assert alone == ["nobody waits for `set_flag('MTE2', 'V', 0)`"]
    missing = [reason for reason, _ in unordered(kernel(load + "wait_flag('MTE2', 'V', 0)").body)]
    assert missing == ["`wait_flag('MTE2', 'V', 0)` waits for an event that nobody raised"]
    twice = [reason for reason, _ in unordered(kernel(load + "set_flag('MTE2', 'V', 0)\n" * 2).body)]
    assert "`set_flag('MTE2', 'V', 0)` raises an event that nobody has waited for yet" in twice


def test_a_flag_too_many_is_called_redundant():
    text = text_of(ordered(softmax())).replace(
        "    set_flag('V', 'MTE3', 0)", "    set_flag('V', 'MTE3', 0)\n    set_flag('V', 'MTE3', 1)"
    ).replace("    wait_flag('V', 'MTE3', 0)", "    wait_flag('V', 'MTE3', 0)\n    wait_flag('V', 'MTE3', 1)")
    assert redundant(kernel(text).body) == ["set_flag('V', 'MTE3', 0)", "set_flag('V', 'MTE3', 1)"]
