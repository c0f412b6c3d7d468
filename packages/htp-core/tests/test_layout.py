from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from htp.declarations import Conversion, Lazy
from htp.diagnostics import Diagnostic, Refused
from htp.layout import Envelope, LayoutFacet, LayoutType, Requirement, conversion_path, join_facets, open_envelope
from htp.strides import Strided, strided

FACETS = [
    strided(), strided(order="F"), strided(order=(0, 1)), strided(order=(1, 0)), strided(8, 1), strided(1, 8),
    strided(8, 1, offset=4), strided(-8, 1, offset=24), strided(align=64), strided(order=(1, 0), align=32),
]  # fmt: skip


class Named(Strided):
    """Another kind, to be told apart."""

    KIND = "named"
    ROLES = frozenset(("distribution",))


def numpy_strides(shape, order):
    array = np.zeros(shape, np.int32, order=order)
    return tuple(each // 4 for each in array.strides)


@pytest.mark.parametrize("shape", [(5,), (2, 3), (2, 3, 4), (7, 1, 5), (1, 1)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_dense_strides_are_numpys(shape, order):
    facet = strided(order=order)
    assert facet.on(shape) == numpy_strides(shape, order)
    assert facet.contiguous(shape)
    assert facet.nbytes(shape, 32) == np.zeros(shape, np.int32).nbytes
    explicit = strided(*numpy_strides(shape, order))
    for index in np.ndindex(*shape):
        assert facet.coords(index, shape) == explicit.coords(index, shape)


def test_an_order_of_dimensions_is_a_transposed_array():
    shape, order = (2, 3, 4), (1, 2, 0)
    outermost_first = np.zeros(tuple(shape[each] for each in order), np.int8)
    back = np.transpose(outermost_first, np.argsort(order))
    assert back.shape == shape
    assert strided(order=order).on(shape) == back.strides
    assert strided(order=order).order_on(shape) == order
    assert strided(4, 0, 1).order_on((3, 2, 4)) == (0, 2, 1)


@pytest.mark.parametrize(
    ("facet", "shape", "contiguous", "nbytes"),
    [
        (strided(8, 1), (4, 8), True, 128),
        (strided(16, 1), (4, 8), False, 4 * (3 * 16 + 8)),
        (strided(8, 1, offset=8), (4, 8), False, 160),
        (strided(99, 1), (1, 8), True, 32),
        (strided(align=64), (3, 3), True, 64),
        (strided(8, 1), (0, 8), True, 0),
        (strided(), (), True, 4),
    ],
)
def test_size_and_contiguity(facet, shape, contiguous, nbytes):
    assert facet.contiguous(shape) is contiguous
    assert facet.nbytes(shape, 32) == nbytes


def test_size_counts_bits():
    assert strided().nbytes((3,), 4) == 2


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-9, 9)), min_size=1, max_size=3), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_checks_agree_with_counting_places(dims, offset):
    shape, strides = tuple(size for size, _ in dims), tuple(stride for _, stride in dims)
    places = [offset + sum(i * s for i, s in zip(index, strides, strict=True)) for index in product(*map(range, shape))]
    facet = strided(*strides, offset=offset)
    legal = min(places) >= 0 and len(set(places)) == len(places)
    assert (facet.check(shape, 32) == ()) is legal
    if legal:
        assert facet.extent(shape) == max(places) + 1
        assert facet.contiguous(shape) is (sorted(places) == list(range(len(places))) and min(strides_of(dims)) > 0)


def strides_of(dims):
    return [stride for size, stride in dims if size > 1] or [1]


@pytest.mark.parametrize(
    ("facet", "shape", "text"),
    [
        (strided(8, 1), (4,), "2 strides for 1 dimensions"),
        (strided(order=(0, 2)), (4, 4), "no order of 2 dimensions"),
        (strided(2, 1), (4, 4), "share one place"),
        (strided(0, 1), (4, 4), "share one place"),
        (strided(-4, 1), (4, 4), "before the buffer"),
        (strided(4, 1, offset=1, align=16), (4, 4), "not a multiple of 16 bytes"),
    ],
)
def test_what_is_wrong_is_said(facet, shape, text):
    (found,) = facet.check(shape, 32)
    assert found.code == "layout.bad-strides"
    assert text in found.message


def test_strides_and_an_order_contradict():
    with pytest.raises(Refused) as caught:
        strided(8, 1, order="F")
    assert caught.value.code == "layout.bad-strides"


@pytest.mark.parametrize("facet", FACETS, ids=repr)
def test_every_facet_keeps_the_protocol(facet):
    assert isinstance(facet, LayoutFacet)
    assert eval(repr(facet)) == facet
    assert Strided.from_data(facet.to_data()) == facet
    assert facet.canonical().canonical() == facet.canonical()
    for index in product(range(4), range(8)):
        assert facet.canonical().coords(index, (4, 8)) == facet.coords(index, (4, 8))


def test_equivalence_agrees_with_the_places():
    shape = (4, 8)
    for one, two in product(FACETS, FACETS):
        told = one.equivalent(two)
        if told is not None:
            same = all(one.coords(index, shape) == two.coords(index, shape) for index in np.ndindex(*shape))
            assert told is same
    assert strided().equivalent(strided(8, 1)) is None


def test_join_is_a_semilattice():
    for one, two, three in product(FACETS, FACETS, FACETS):
        assert one.join(one) == one.canonical()
        assert one.join(two) == two.join(one)
        assert one.join(two).join(three) == one.join(two.join(three))
    assert strided(8, 1).join(strided(1, 8)) == strided()


def test_what_does_not_join():
    for result in (strided(8, 1).join(strided(64, 8, 1)), join_facets(strided(), Named())):
        assert isinstance(result, Diagnostic)
        assert result.code == "layout.no-join"
    assert join_facets(None, strided()) == strided()
    assert join_facets(None, None) is None


def test_a_layout_has_one_facet_for_each_role():
    layout = LayoutType.of((strided(8, 1), Named()))
    assert layout == LayoutType(memory=strided(8, 1), distribution=Named())
    assert layout.join(LayoutType()) == layout
    taken = LayoutType.of((strided(), strided(8, 1)))
    assert (taken.code, "memory" in taken.message) == ("layout.role-taken", True)
    assert LayoutType.of((3,)).code == "layout.not-a-facet"
    crossed = layout.join(LayoutType(memory=strided(64, 8, 1)))
    assert crossed.code == "layout.no-join"


def test_requirements():
    assert strided(align=64).requirements((4,), 32) == (Requirement(kind="align", subject="buffer", value=64),)
    assert strided().requirements((4,), 32) == ()


@pytest.mark.parametrize(
    ("kind", "version", "code", "text"),
    [
        ("axe", 1, "layout.unknown-facet", "pip install htp-layout-axe"),
        ("mine", 1, "layout.unknown-facet", "install the package that provides it"),
        ("strided", 2, "layout.bad-data", "version 2"),
    ],
)
def test_envelopes_that_cannot_be_opened(kind, version, code, text):
    with pytest.raises(Refused) as caught:
        open_envelope(Envelope(kind=kind, version=version, role="memory", data={}), {"strided": Strided})
    assert caught.value.code == code
    assert text in str(caught.value)


def conversion(source, target, exactness="exact"):
    return Conversion(source, target, Lazy("nowhere:convert"), exactness)


def test_the_shortest_exact_conversion_path_is_found():
    ways = (
        conversion("a", "b"), conversion("b", "d"), conversion("a", "c"), conversion("c", "d"),
        conversion("a", "d", "lossy"), conversion("d", "e"),
    )  # fmt: skip
    assert [each.name for each in conversion_path("a", "e", ways)] == ["a->b", "b->d", "d->e"]
    assert [each.name for each in conversion_path("a", "e", ways, lossy=True)] == ["a->d", "d->e"]
    assert conversion_path("a", "a", ways) == ()
    assert conversion_path("e", "a", ways) is None


def test_pictures():
    assert strided(16, 1).picture((3, 20), rows=2, columns=3) == (
        "strided(16, 1) on (3, 20): 208 bytes, with gaps\n   0   1   2   …\n  16  17  18   …\n   …"
    )
    assert strided(order="F").picture((2, 3)).splitlines()[1:] == ["  0  2  4", "  1  3  5"]
    assert strided().picture((3,)).splitlines()[1] == "  0  1  2"
