"""Names that nothing has yet: the lowest number that is free, and taken from then on where that is said."""

from __future__ import annotations

from htp.fresh_names import fresh, numbered, unused


def test_a_name_that_is_free_stays_as_it_is():
    assert unused("i", {"j", "i_2"}) == "i"


def test_a_name_that_is_taken_gets_the_lowest_number_from_two_on():
    assert unused("i", {"i"}) == "i_2"
    assert unused("i", {"i", "i_2", "i_4"}) == "i_3"


def test_fresh_names_differ_from_each_other():
    taken = {"t"}
    assert [fresh("t", taken) for _ in range(3)] == ["t_2", "t_3", "t_4"]
    assert taken == {"t", "t_2", "t_3", "t_4"}


def test_numbers_begin_where_they_are_meant_to():
    taken = {"k_0", "k_2"}
    assert [numbered("k", taken) for _ in range(2)] == ["k_1", "k_3"]
    assert numbered("k", taken, 0) == "k_4"
    assert numbered("m", taken, 2) == "m_2"
