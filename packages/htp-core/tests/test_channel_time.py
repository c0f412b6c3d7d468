"""The recurrences of one channel, step by step, with numbers worked out by hand."""

import pytest

from htp.channel_time import ChannelTime


def test_a_slot_is_free_a_response_after_its_token_was_taken():
    c = ChannelTime(capacity=1, latency=2, response=2)
    assert (c.accept_time(1), c.visible_time(), c.end_time()) == (1, None, None)
    c.accept(1, 1)
    assert (c.accept_time(2), c.visible_time(), c.held) == (None, 3, 1)
    c.take(0, 3)
    assert (c.accept_time(2), c.accept_time(9)) == (5, 9)
    c.accept(2, 5)
    assert (c.accepts, c.dequeues) == ([1, 5], [3])
    assert (c.stall_full, c.stalls_full, c.stall_empty, c.stalls_empty) == (3, 1, 3, 1)
    c.closed = 6
    assert c.end_time() is None
    c.take(7, 7)
    assert c.end_time() == 8


def test_initial_tokens_are_there_at_once():
    c = ChannelTime(capacity=3, latency=5, initial=2)
    assert (c.visible_time(), c.held, c.accept_time(4)) == (0, 2, 4)
    c.take(0, 0)
    c.take(0, 0)
    c.accept(4, 4)
    assert c.visible_time() == 9


def test_a_rendezvous_is_accepted_when_it_is_offered():
    c = ChannelTime(capacity=0, latency=1, response=4)
    assert c.accept_time(2) is None
    c.offered = 2
    assert (c.visible_time(), c.held) == (3, 0)
    c.take(6, 6)
    assert (c.accepts, c.dequeues, c.offered, c.resume_time()) == ([2], [6], None, 10)
    assert (c.stall_full, c.stall_empty, c.high_water) == (8, 0, 0)


@pytest.mark.parametrize(
    ("now", "held", "full"), [(0, 0, False), (1, 1, False), (2, 2, True), (4, 1, True), (6, 1, False)]
)
def test_occupancy_and_free_slots_at_a_time(now, held, full):
    c = ChannelTime(capacity=2, response=2)
    c.accept(1, 1)
    c.accept(2, 2)
    c.take(0, 4)
    assert (c.occupancy(now), c.full(now)) == (held, full)


def test_high_water_counts_what_is_still_there_after_each_accept():
    c = ChannelTime(capacity=4, accepts=[3, 3, 6, 6, 9], dequeues=[3, 3, 6, 10])
    assert c.high_water == 2  # when the last was accepted at 9, the one taken at 10 was there
