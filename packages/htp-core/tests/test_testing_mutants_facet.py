"""Wrong layout facets, each of which the law that it breaks must find."""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import msgspec
import pytest

from htp.declarations import Conversion, Lazy
from htp.diagnostics import Diagnostic
from htp.plugins import Found
from htp.session import Session, use_session
from htp.strides import Strided, strided
from htp.testing import FacetConformance

EXAMPLES = tuple(
    (facet, shape, 32)
    for facet, shape in (
        (strided(), (4, 8)), (strided(), (3, 5)), (strided(order="F"), (4, 8)), (strided(8, 1), (4, 8)),
        (strided(1, 8), (4, 8)), (strided(8, 1, offset=4), (4, 8)),
    )
)  # fmt: skip


def examples(kind):
    return tuple(
        (kind(each.strides, each.order, each.offset, each.align), shape, bits) for each, shape, bits in EXAMPLES
    )


class Nameless(Strided):
    KIND = ""


class NoRole(Strided):
    ROLES = frozenset()


class Raises(Strided):
    def check(self, shape, bits):
        return () if len(shape) == 2 else 1 // 0


class Speaks(Strided):
    def check(self, shape, bits):
        return ["too long"] if len(shape) > 2 else super().check(shape, bits)


class Nowhere(Strided):
    def coords(self, index, shape):
        return frozenset() if index == (0, 1) else super().coords(index, shape)


class Crowded(Strided):
    def coords(self, index, shape):
        return super().coords((index[0], 0), shape) if len(index) == 2 else super().coords(index, shape)


class Unsorted(Strided):
    def coords(self, index, shape):
        return frozenset((("z", 1), *place) for place in super().coords(index, shape))


class Flips(Strided):
    def canonical(self):
        return replace(self, offset=self.offset + 1)


class Transposes(Strided):
    def canonical(self):
        return replace(self, order="F") if self.strides is None and self.order == "C" else self


class AllAlike(Strided):
    def equivalent(self, other):
        return True if isinstance(other, Strided) else None


class NeverAlike(Strided):
    def equivalent(self, other):
        return False


class Left(Strided):
    def join(self, other):
        return self if isinstance(other, Strided) else Diagnostic(code="a.b", message="no")


class Greedy(Strided):
    def join(self, other):
        return strided()


class Forgets(Strided):
    def to_data(self):
        return {"strides": self.strides, "order": self.order}


class Trusts(Strided):
    @classmethod
    def from_data(cls, data):
        return cls(data.get("strides"), data.get("order"), data.get("offset"), data.get("align"))


class Raw(Strided):
    @classmethod
    def from_data(cls, data):
        return msgspec.convert(data, cls) if data["offset"] >= 0 else cls()


class Demands(Strided):
    def requirements(self, shape, bits):
        return ["align 64"]


@dataclass
class Loose:
    """A facet that can be changed."""

    KIND: ClassVar[str] = "loose"
    VERSION: ClassVar[int] = 1
    ROLES: ClassVar[frozenset] = frozenset(("memory",))
    offset: int = 0

    def __hash__(self) -> int:
        return hash(self.offset)

    @classmethod
    def from_data(cls, data):
        return msgspec.convert(data, cls)

    def to_data(self):
        return {"offset": self.offset}


MUTANTS = [
    ("says_what_it_is", Nameless, "KIND is empty"),
    ("says_what_it_is", NoRole, "ROLES"),
    ("says_what_it_is", Loose, "it lacks `check`"),
    ("check_answers_with_diagnostics", Raises, "ZeroDivisionError"),
    ("check_answers_with_diagnostics", Speaks, "too long"),
    ("coords_place_every_element", Nowhere, "puts element (0, 1) nowhere"),
    ("coords_place_every_element", Crowded, "puts (0, 0) and (0, 1) at"),
    ("coords_place_every_element", Unsorted, "axes are sorted"),
    ("canonical_is_the_same_layout", Flips, "choose one form"),
    ("canonical_is_the_same_layout", Transposes, "change only how it is written"),
    ("equivalent_agrees_with_coords", AllAlike, "are said to be equivalent"),
    ("equivalent_agrees_with_coords", NeverAlike, "is not equivalent to itself"),
    ("join_has_no_order", Left, "the other way"),
    ("strangers_are_answered", Greedy, "joins a facet of another kind"),
    ("data_comes_back", Forgets, "write all fields"),
    ("junk_is_rejected", Trusts, "from_data("),
    ("junk_is_rejected", Raw, "from_data("),
    ("requirements_are_requirements", Demands, "align 64"),
]


@pytest.mark.parametrize(("law", "kind", "text"), MUTANTS, ids=lambda each: getattr(each, "__name__", None))
def test_a_wrong_facet_fails_its_law(told, law, kind, text):
    given = () if kind is Loose else examples(kind)
    assert told(FacetConformance, f"test_{law}", kind, examples=given).startswith("failed")
    assert text in told(FacetConformance, f"test_{law}", kind, examples=given)


class Fresh(Loose):
    """Equal facets are told apart by identity."""

    __hash__ = object.__hash__


@pytest.mark.parametrize(("kind", "text"), [(Loose, "`offset` of"), (Fresh, "equal and hash differently")])
def test_a_facet_that_can_change_is_no_value(told, kind, text):
    given = ((kind(3), (4,), 32),)
    assert text in told(FacetConformance, "test_is_a_value", kind, examples=given)


class Shifted(Strided):
    """Another kind."""

    KIND = "shifted"


def moved(facet):
    return Shifted(facet.strides, facet.order, facet.offset + 1)


def kept(facet):
    return Shifted(facet.strides, facet.order, facet.offset)


def test_an_exact_conversion_that_moves_elements_is_found(told):
    law = "test_conversions_keep_the_places"
    for convert, exactness, text in ((moved, "exact", "moves elements"), (moved, "lossy", ""), (kept, "exact", "")):
        session = Session([Found("tile", "htp.builtin.tile_plugin", "htp-core")])
        lazy = Lazy(f"{__name__}:x")
        object.__setattr__(lazy, "load", lambda convert=convert: convert)
        session.__dict__["conversions"] = (Conversion("strided", "shifted", lazy, exactness),)
        with use_session(session):
            found = told(FacetConformance, law, Strided, examples=EXAMPLES)
        assert text in found
        assert bool(found) is bool(text)


def test_the_plain_facet_conforms_with_given_and_with_made_examples(conforms):
    assert conforms(FacetConformance, Strided, examples=EXAMPLES) == {}
    assert conforms(FacetConformance, Strided) == {}


def test_without_examples_nothing_is_claimed(told):
    class Opaque(Strided):
        KIND = "opaque"

        def __init__(self, anything: object) -> None:
            raise TypeError

    found = told(FacetConformance, "test_data_comes_back", Opaque)
    assert found.startswith("skipped: FacetConformance.examples")


@dataclass(frozen=True)
class Capped(Strided):
    """Rows of `2**log` elements; the canonical form forgets long rows, which only large arrays show."""

    KIND = "capped"
    log: Annotated[int, msgspec.Meta(ge=0, le=8)] = 0

    def check(self, shape, bits):
        fits = len(shape) == 2 and all(each % 2**self.log == 0 for each in shape)
        return () if fits else (Diagnostic(code="capped.bad-shape", message="no whole rows"),)

    def coords(self, index, shape):
        place = index[0] * shape[1] + (index[1] ^ (2**self.log - 1))
        return frozenset(((("m", place),) if place else (),))

    def canonical(self):
        return replace(self, log=min(self.log, 2))


def test_what_only_large_arrays_show_is_found(told):
    assert "differ on (16, 16)" in told(FacetConformance, "test_canonical_is_the_same_layout", Capped)
