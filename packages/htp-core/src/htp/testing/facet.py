"""The laws of layout facets: every answer a facet gives agrees with the places it puts elements.

Knows the protocol in `htp.layout`; does not know any kind of layout.
"""

from __future__ import annotations

from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING, ClassVar, cast

import msgspec

from htp.diagnostics import Diagnostic, Refused
from htp.layout import ROLES, Envelope, LayoutFacet, Requirement, open_envelope
from htp.session import current_session
from htp.testing.facet_examples import BITS, SHAPES, Example, made_for, sound
from htp.testing.law import Conformance, broken, law, said, shared, undeclared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.layout import Coord

__all__ = ["FacetConformance"]

Places = dict[tuple[int, ...], frozenset["Coord"]]
JUNK: tuple[object, ...] = ({"junk": []}, ["junk", None], "junk\n", -1, 10**30, 1.5, None)


class Stranger:
    """A facet of a kind nobody knows."""

    KIND = "no-such-kind"
    VERSION = 1
    ROLES = frozenset(("memory",))


class FacetConformance(Conformance[type[LayoutFacet]]):
    """What every kind of layout facet owes to core, which knows facets only by the protocol.

    `subject` is the class. `examples` are facets on arrays they fit, `(facet, shape, bits)`; where there are none, they
    are made from the types of the fields.
    """

    kind: ClassVar[str] = "facet"
    examples: ClassVar[tuple[tuple[LayoutFacet, tuple[int, ...], int], ...]] = ()

    @shared
    def cases(self) -> tuple[Example, ...]:
        """The author's examples, else those that can be made."""
        return tuple(Example(*each) for each in self.examples) or made_for(self.tested)

    def _cases(self) -> tuple[Example, ...]:
        if not self.cases:
            undeclared("FacetConformance.examples", "none are given, and none can be made from the fields' types")
        return self.cases

    def _facets(self) -> tuple[LayoutFacet, ...]:
        return tuple(dict.fromkeys(each.facet for each in self._cases()))

    @law
    def test_says_what_it_is(self) -> None:
        """A kind has a name, a version from 1 on, at least one role, and every method of the protocol."""
        kind = self.tested
        missing = [name for name in (*_METHODS, "KIND", "VERSION", "ROLES") if not hasattr(kind, name)]
        if missing:
            broken(f"it lacks `{missing[0]}`", "see `htp.layout.LayoutFacet`")
        if not kind.KIND:
            broken("KIND is empty", "name the kind as the plugin is called")
        if type(kind.VERSION) is not int or kind.VERSION < 1:
            broken(f"VERSION is {kind.VERSION!r}", "count the forms of its data from 1")
        if not kind.ROLES or not set(kind.ROLES) <= set(ROLES):
            broken(f"ROLES is {set(kind.ROLES)!r}", f"name some of {', '.join(ROLES)}")

    @law
    def test_is_a_value(self) -> None:
        """Facets never change and can be hashed; equal facets have equal hashes."""
        for each in self._facets():
            hash(each)
            again = type(each).from_data(_data(each))
            if again == each and hash(again) != hash(each):
                broken(f"`{each}` and its copy are equal and hash differently", "make it a frozen dataclass")
            for name in each.to_data():
                if hasattr(each, name) and _assignable(each, name):
                    broken(f"`{name}` of `{each}` can be assigned", "make it a frozen dataclass")

    @law
    def test_check_answers_with_diagnostics(self) -> None:
        """`check` returns diagnostics with a code and a message for any shape and width; it never raises."""
        shapes = (*SHAPES, (3, 5, 7, 2), (1 << 20, 1 << 20), (5, 0, 3))
        for facet, shape, bits in product(self._facets(), shapes, (1, 4, 8, 16, 32, 64)):
            try:
                found = facet.check(shape, bits)
            except Exception as error:
                broken(f"`{facet}`.check({shape}, {bits}) raised {said(error)}", "return a Diagnostic instead")
            if not _holds_only(found, Diagnostic) or not all("." in each.code and each.message for each in found):
                broken(f"`{facet}`.check({shape}, {bits}) is {found!r}", "return a tuple of Diagnostic with a code")

    @law
    def test_coords_place_every_element(self) -> None:
        """Every element of an array that fits has at least one place: axes by name, in order, each once, without zeros.

        Two elements share no place of a facet that describes memory.
        """
        for facet, shape, bits in self._cases():
            if not sound(facet, shape, bits):
                broken(f"the example `{facet}` does not fit {shape} of {bits} bits", "give what `check` accepts")
            owners: dict[Coord, tuple[int, ...]] = {}
            for index, places in _places(facet, shape).items():
                if not places:
                    broken(f"`{facet}` on {shape} puts element {index} nowhere", "give every element a place")
                for place in places:
                    if problem := _malformed(place):
                        broken(f"`{facet}` on {shape} puts element {index} at {place!r}: {problem}", "see `htp.layout`")
                    other = owners.setdefault(place, index)
                    if other != index and "memory" in facet.ROLES:
                        broken(f"`{facet}` on {shape} puts {other} and {index} at {place}", "or let `check` refuse it")

    @law
    def test_canonical_is_the_same_layout(self) -> None:
        """`canonical` puts every element where the facet does, and is its own canonical form."""
        for facet, shape, _ in self._cases():
            once = facet.canonical()
            if once.canonical() != once:
                broken(f"`{facet}` → `{once}` → `{once.canonical()}`", "choose one form and stop there")
            if _places(once, shape) != _places(facet, shape):
                broken(f"`{facet}` and its canonical `{once}` differ on {shape}", "change only how it is written")

    @law
    def test_equivalent_agrees_with_coords(self) -> None:
        """`equivalent` is true only if both place every element alike and false only if they do not; it is symmetric.

        It may be `None` where that depends on the array, but never for a facet and itself.
        """
        for one, two in combinations_with_replacement(self._facets(), 2):
            told = one.equivalent(two)
            if two.equivalent(one) is not told:
                broken(f"`{one}` and `{two}`: {told} one way, {two.equivalent(one)} the other", "ask the same question")
            if one == two and told is not True:
                broken(f"`{one}` is not equivalent to itself", "compare canonical forms first")
            alike = [_places(one, shape) == _places(two, shape) for shape in _shapes(one, two)]
            if told is True and not all(alike):
                broken(f"`{one}` and `{two}` are said to be equivalent", "say None where it depends on the array")
            if told is False and alike and all(alike):
                broken(f"`{one}` and `{two}` are said to differ, and no array shows it", "say None, or True")

    @law
    def test_join_has_no_order(self) -> None:
        """`join` gives a facet or a diagnostic, the same from both sides; a facet joined with itself is itself."""
        for one, two in combinations_with_replacement(self._facets(), 2):
            left, right = one.join(two), two.join(one)
            if isinstance(left, Diagnostic) or isinstance(right, Diagnostic):
                if not (isinstance(left, Diagnostic) and isinstance(right, Diagnostic)):
                    broken(f"`{one}` joins `{two}` from one side only", "decide on the pair, not on who is asked")
                continue
            if any(not hasattr(left, name) for name in _METHODS):
                broken(f"`{one}` joined with `{two}` is {left!r}", "return a facet or a Diagnostic")
            if left != right and left.equivalent(right) is not True:
                broken(f"`{one}` with `{two}` is `{left}`, the other way `{right}`", "make join symmetric")
            if one == two and left != one.canonical() and left.equivalent(one) is not True:
                broken(f"`{one}` joined with itself is `{left}`", "equal layouts stay")

    @law
    def test_strangers_are_answered(self) -> None:
        """Asked about a facet of another kind, `equivalent` knows nothing or says no, and `join` gives a diagnostic."""
        stranger = cast("LayoutFacet", Stranger())
        for each in self._facets()[:4]:
            if each.equivalent(stranger) is True:
                broken(f"`{each}` is equivalent to a facet of another kind", "return None for what is not its own")
            if not isinstance(each.join(stranger), Diagnostic):
                broken(f"`{each}` joins a facet of another kind", "return a Diagnostic with a code of yours")

    @law
    def test_data_comes_back(self) -> None:
        """`to_data` is JSON, and `from_data` and an envelope give the same facet again."""
        for each in self._facets():
            text = msgspec.json.encode(each.to_data())
            again = type(each).from_data(msgspec.json.decode(text))
            if again != each:
                broken(f"`{each}` comes back as `{again}`", "write all fields")
            raw = {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in each.to_data().items()}
            role = min(each.ROLES)
            envelope = Envelope(kind=each.KIND, version=each.VERSION, role=role, data=raw)
            if open_envelope(envelope, {each.KIND: type(each)}) != each:
                broken(f"`{each}` does not come out of its envelope", "let `from_data` read what `to_data` writes")

    @law
    def test_junk_is_rejected(self) -> None:
        """`from_data` raises `msgspec.ValidationError` for data it cannot read, and nothing else.

        Data that it does read gives a facet whose `check` answers.
        """
        for each in self._facets()[:6]:
            data = _data(each)
            damaged = [{**data, name: junk} for name, junk in product(data, JUNK)]
            damaged += [{name: value for name, value in data.items() if name != gone} for gone in data]
            accepted = 0
            for junk in damaged:
                try:
                    type(each).from_data(junk).check((4, 8), BITS)
                    accepted += 1
                except msgspec.ValidationError:
                    continue
                except Exception as error:
                    broken(f"from_data({junk!r}) raised {said(error)}", "convert it with `msgspec.convert`")
            if accepted == len(damaged) and data:
                broken(f"from_data accepts anything in place of {data}", "convert it with `msgspec.convert`")

    @law
    def test_requirements_are_requirements(self) -> None:
        """`requirements` is a tuple of `Requirement`, the same for equal facets."""
        for facet, shape, bits in self._cases():
            found = facet.requirements(shape, bits)
            if not _holds_only(found, Requirement):
                broken(f"`{facet}` on {shape} requires {found!r}", "return a tuple of htp.layout.Requirement")
            if facet.requirements(shape, bits) != found:
                broken(f"`{facet}` on {shape} requires something else each time", "compute it from the fields only")

    @law
    def test_conversions_keep_the_places(self) -> None:
        """A conversion refuses with a code or gives its target kind; an exact one moves no element."""
        session = current_session()
        own = [each for each in session.conversions if self.tested.KIND in (each.source, each.target)]
        if not own:
            undeclared("Conversion", f"no installed plugin converts `{self.tested.KIND}`")
        for each in own:
            kind = self.tested if each.source == self.tested.KIND else session.facets.get(each.source)
            cases = self._cases() if kind is self.tested else made_for(kind) if kind is not None else ()
            for facet, shape, _ in cases:
                try:
                    made = each.convert.load()(facet)
                except Refused:
                    continue
                if each.target != made.KIND:
                    broken(f"`{each.name}` gives `{made}`", f"return a facet of kind `{each.target}`")
                if each.exactness == "exact" and _places(made, shape) != _places(facet, shape):
                    broken(f"`{each.name}` moves elements of `{facet}` on {shape}", 'declare it "lossy" or "checked"')


_METHODS = ("check", "coords", "canonical", "equivalent", "join", "requirements", "to_data", "from_data")


def _places(facet: LayoutFacet, shape: tuple[int, ...]) -> Places:
    return {index: facet.coords(index, shape) for index in product(*map(range, shape))}


def _shapes(one: LayoutFacet, two: LayoutFacet) -> Iterator[tuple[int, ...]]:
    """Arrays with elements that both fit."""
    yield from (each for each in SHAPES if 0 not in each and sound(one, each, BITS) and sound(two, each, BITS))


def _holds_only(found: object, kind: type) -> bool:
    return isinstance(found, tuple) and all(isinstance(each, kind) for each in cast("tuple[object, ...]", found))


def _malformed(place: object) -> str:
    if not isinstance(place, tuple):
        return "a place is a tuple of (axis, value)"
    pairs = cast("tuple[tuple[str, int], ...]", place)
    names = [name for name, _ in pairs]
    if names != sorted(set(names)):
        return "axes are sorted by name, each once"
    return "" if all(type(value) is int and value != 0 for _, value in pairs) else "values are numbers other than 0"


def _data(facet: LayoutFacet) -> dict[str, object]:
    return msgspec.json.decode(msgspec.json.encode(facet.to_data()))


def _assignable(facet: LayoutFacet, name: str) -> bool:
    try:
        setattr(facet, name, getattr(facet, name))
    except (AttributeError, TypeError):
        return False
    return True
