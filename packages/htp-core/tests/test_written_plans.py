"""Plans read from files: what is written there is checked before it is run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from htp._impl.written_plans import check_made_for, passes_of, read_plan
from htp.artifact.manifest import PlanFile, PlanStep
from htp.capabilities import Captured, DialectUse, Loops, Typed
from htp.diagnostics import Refused
from htp.passes import Pass
from htp.planner import Problem, find_plan, follow


@dataclass(frozen=True)
class Tuned(Pass):
    """A pass with options of every kind."""

    width: int = 1
    share: float = 0.5
    eager: bool = False
    axis: str = "m"
    mode: Literal["fast", "small"] = "fast"
    depth: int | None = None
    names: tuple[str, ...] = ()
    root: Path | None = None
    name = "toy.tuned"

    def __post_init__(self) -> None:
        if self.width > 8:
            raise Refused("plan.bad-option", "no such width", help="write one of 1, 2, 4, 8")


@dataclass(frozen=True)
class Derived(Tuned):
    """Options that come from a base class."""

    name = "toy.derived"


class Infer(Pass):
    """Types."""

    requires = (Captured(),)
    provides = (Typed(),)


class Lower(Pass):
    """Loops."""

    requires = (Typed(),)
    provides = (Loops(),)
    understands = (DialectUse("tile"),)


class Leave(Pass):
    """Leaves a dialect behind."""

    eliminates = (DialectUse("toy"),)


def plan(*steps: str, target: str = "toy", goal: tuple[str, ...] = ()) -> PlanFile:
    written = tuple(PlanStep(id=f"{number:02}-x", pass_=each) for number, each in enumerate(steps, start=1))
    return PlanFile(target=target, goal=goal, steps=written)


@pytest.mark.parametrize(
    "option",
    [
        "width='4'", "width=4.0", "width=True", "width=None", "width=16", "share='1'", "share=True", "eager=1",
        "axis=3", "mode='large'", "depth='2'", "depth=False", "names=('a', 3)", "names='ab'", "root='here'",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["toy.tuned", "toy.derived"])
def test_a_value_that_the_option_does_not_take_is_refused(name, option):
    with pytest.raises(Refused) as caught:
        passes_of(plan(f"{name}({option})"), (Tuned(), Derived()))
    assert caught.value.code == "plan.bad-option"
    assert caught.value.diagnostic.help


def test_a_value_of_the_type_is_taken():
    text = "toy.tuned(width=4, share=2, eager=True, axis='n', mode='small', depth=3, names=('a', 'b'))"
    (found,) = passes_of(plan(text), (Tuned(),))
    assert found == Tuned(4, 2.0, True, "n", "small", 3, ("a", "b"))
    assert passes_of(plan("toy.tuned(depth=None)"), (Tuned(depth=3),)) == (Tuned(),)


def test_a_value_nested_too_deeply_is_refused():
    with pytest.raises(Refused) as caught:
        passes_of(plan(f"toy.tuned(width={'(' * 9000}1{')' * 9000})"), (Tuned(),))
    assert caught.value.code == "plan.unreadable"


def test_a_misspelled_pass_is_named():
    with pytest.raises(Refused) as caught:
        passes_of(plan("toy.tunned"), (Tuned(),))
    assert caught.value.diagnostic.help == ("did you mean `toy.tuned`?",)


def test_a_plan_is_followed_only_for_what_it_was_made_for():
    problem = Problem(frozenset({Captured()}), (Typed(), Loops()), (), target="toy")
    check_made_for(plan(), problem)
    check_made_for(plan(goal=("Loops()", "Typed()")), problem)
    for other in (plan(target="cpu"), plan(goal=("Typed()",)), plan(goal=("Unicorn()",))):
        with pytest.raises(Refused) as caught:
            check_made_for(other, problem)
        assert caught.value.code == "plan.made-for-another"


def test_what_is_not_there_is_said_without_an_error_number(tmp_path):
    for path, said in ((tmp_path / "nowhere", "there is no plan"), (tmp_path, "holds no plan.json")):
        with pytest.raises(Refused) as caught:
            read_plan(path)
        assert caught.value.code == "plan.unreadable"
        assert said in caught.value.diagnostic.message
        assert "Errno" not in caught.value.diagnostic.message


def test_the_seal_of_a_package_is_checked(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "plan.json").write_text(json.dumps({"schema": "htp.plan/1", "target": "toy"}))
    with pytest.raises(Refused) as caught:
        read_plan(tmp_path)
    assert caught.value.code.startswith("artifact.")


def test_a_step_that_comes_too_early_is_numbered_and_moved():
    infer, lower, leave = Infer(), Lower(), Leave()
    asked = Problem(frozenset({Captured()}), (Loops(),), (infer, lower, leave), uses=(DialectUse("toy"),))
    for steps, said, help in (
        ((leave, lower, infer), "step 2, pass `lower`, requires `Typed()`", "move step 3, pass `infer`, before step 2"),
        ((leave, lower), "step 2, pass `lower`, requires `Typed()`", "add pass `infer` before step 2"),
        ((infer, lower), "does not understand dialect `toy`", "add pass `leave` before step 2"),
    ):
        with pytest.raises(Refused) as caught:
            follow(asked, steps)
        assert caught.value.code == "plan.missing-fact"
        assert said in caught.value.diagnostic.message
        assert caught.value.diagnostic.help == (help,)
    with pytest.raises(Refused) as caught:
        follow(asked, (leave, infer))
    assert (caught.value.code, bool(caught.value.diagnostic.help)) == ("plan.goal-missed", True)


def test_a_pass_in_both_lists_is_refused_as_such():
    facts = frozenset({Captured()})
    asked = Problem(facts, (Typed(),), (Infer(),), pins=("infer",), forbids=frozenset({"infer"}))
    for attempt in (lambda: find_plan(asked), lambda: follow(asked, (Infer(),))):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "plan.pinned-and-forbidden"
        assert caught.value.diagnostic.help == ("leave out the pin or the forbid of `infer`",)
