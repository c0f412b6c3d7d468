import itertools
import os
import random
import re
from collections import Counter
from dataclasses import dataclass, replace

import pytest

from htp._impl.core import minimal_core
from htp.capabilities import Capability, Captured, DialectUse, FacetUse, Loops, OpUse, Typed, Vectorized
from htp.diagnostics import Refused, Span
from htp.passes import Contract, Pass
from htp.planner import Problem, find_plan, follow, problem_for

SHARE = 5 if os.environ.get("HTP_TEST_LONG") == "1" else 1
"""Fifths of the random catalogues that are tried."""


@dataclass(frozen=True)
class Fact(Capability):
    letter: str = ""


def facts(letters):
    return tuple(Fact(each) for each in letters)


def make(name_, requires="", provides="", invalidates="", eliminates=(), introduces=(), cost_=1, understands=None):
    class Made(Pass):
        name = name_
        cost = cost_

        @property
        def contract(self):
            return Contract(
                facts(requires), facts(provides), facts(invalidates), eliminates, introduces, understands=understands
            )

    return Made()


def problem(start, goal, *passes, **more):
    return Problem(frozenset(facts(start)), facts(goal), passes, **more)


def names(plan):
    return [each.name for each in plan.passes]


def understood(contract, uses):
    """Whether every use of a class that the pass lists is listed."""
    patterns = contract.understands or ()
    return all(
        any(use.covered_by(each) for each in patterns)
        for use in uses
        if type(use) in {type(each) for each in patterns}
    )


def brute_force(asked):
    """The fewest steps to the goal by plain breadth-first search over the contracts, `None` if it cannot be reached."""
    usable = [each for each in asked.passes if each.name not in asked.forbids]
    start = (asked.facts, frozenset(asked.uses), frozenset(), 0)
    seen, queue = {start}, [(start, 0)]

    def advance(facts, reached):
        while reached < len(asked.milestones) and any(f.satisfies(asked.milestones[reached]) for f in facts):
            reached += 1
        return reached

    for (now, uses, ran, reached), depth in queue:
        reached = advance(now, reached)
        done = all(any(fact.satisfies(want) for fact in now) for want in asked.goal)
        left = [use for use in uses if not any(use.covered_by(each) for each in asked.accepts)]
        if done and not left and set(asked.pins) <= ran and reached == len(asked.milestones):
            return depth
        for each in usable:
            contract = each.contract
            if contract.missing(now) or not understood(contract, uses):
                continue
            new_ran = ran | ({each.name} & set(asked.pins))
            state = (contract.facts_after(now), contract.uses_after(uses), new_ran, reached)
            if state not in seen:
                seen.add(state)
                queue.append((state, depth + 1))
    return None


def replays(asked, plan):
    now, uses, reached = asked.facts, frozenset(asked.uses), 0
    history = [now]
    for step in plan.passes:
        assert not step.contract.missing(now)
        assert understood(step.contract, uses)
        now, uses = step.contract.facts_after(now), step.contract.uses_after(uses)
        history.append(now)
    for state in history:
        while reached < len(asked.milestones) and any(f.satisfies(asked.milestones[reached]) for f in state):
            reached += 1
    return (
        all(any(fact.satisfies(want) for fact in now) for want in asked.goal)
        and all(any(use.covered_by(each) for each in asked.accepts) for use in uses)
        and set(asked.pins) <= {each.name for each in plan.passes}
        and not asked.forbids & {each.name for each in plan.passes}
        and reached == len(asked.milestones)
    )


def catalogue(seed):
    rng = random.Random(seed)
    letters = "abcdef"

    def some(most):
        return "".join(rng.sample(letters, rng.randint(0, most)))

    uses = [OpUse(each) for each in "xyz"]
    passes = tuple(
        make(
            f"p{index}", some(2), some(2), some(2) if rng.random() < 0.7 else "",
            tuple(rng.sample(uses, rng.randint(0, 1))), tuple(rng.sample(uses, 1)) if rng.random() < 0.15 else (),
            understands=tuple(rng.sample(uses, rng.randint(1, 2))) if rng.random() < 0.15 else None,
        )
        for index in range(rng.randint(1, 7))
    )  # fmt: skip
    pick = [each.name for each in passes]
    return problem(
        some(2), some(3), *passes,
        uses=tuple(rng.sample(uses, rng.randint(0, 2))), accepts=tuple(rng.sample(uses, rng.randint(1, 3))),
        pins=tuple(rng.sample(pick, 1)) if rng.random() < 0.3 else (),
        forbids=frozenset(rng.sample(pick, 1)) if rng.random() < 0.2 else frozenset(),
        milestones=facts(some(2)) if rng.random() < 0.3 else (),
    )  # fmt: skip


def attempt(asked):
    try:
        return find_plan(asked), "plan"
    except Refused as refusal:
        return None, refusal.code


def test_a_plan_is_found_exactly_when_there_is_one_and_is_a_shortest():
    outcomes = []
    for seed in range(2500):
        asked = catalogue(seed)
        shortest = brute_force(asked)
        plan, code = attempt(asked)
        assert (None if plan is None else len(plan.passes)) == shortest, f"seed {seed}: {code}"
        assert plan is None or replays(asked, plan), f"seed {seed}: {plan}"
        outcomes.append(code)
    assert set(outcomes) == {"plan", "plan.no-provider", "plan.no-order", "plan.pinned-and-forbidden"}
    assert min(map(outcomes.count, set(outcomes))) > 10


def without_destruction(asked):
    """Facts and uses-that-can-be-absent reachable when nothing is ever destroyed, by plain iteration."""
    every = {*asked.uses, *(use for each in asked.passes for use in each.contract.introduces)}
    have, absent, ran, passed = set(asked.facts), every - set(asked.uses), set(), 0
    while True:
        size = (len(have), len(absent), len(ran), passed)
        while passed < len(asked.milestones) and any(fact.satisfies(asked.milestones[passed]) for fact in have):
            passed += 1
        for each in asked.passes:
            contract = each.contract
            if each.name in asked.forbids or contract.missing(frozenset(have)):
                continue
            if understood(contract, every - absent):
                have |= set(contract.provides)
                ran.add(each.name)
                absent |= {use for use in every if any(use.covered_by(gone) for gone in contract.eliminates)} - {
                    *contract.introduces
                }
        if size == (len(have), len(absent), len(ran), passed):
            return have, every - absent, ran, passed


def test_a_missing_provider_is_a_proof():
    seen = 0
    for seed in range(1500 * SHARE // 5):
        asked = catalogue(seed)
        try:
            find_plan(asked)
        except Refused as refusal:
            if refusal.code != "plan.no-provider":
                continue
            seen += 1
            have, stuck, ran, passed = without_destruction(asked)
            lacks = not all(any(fact.satisfies(want) for fact in have) for want in asked.goal)
            left = [use for use in set(asked.uses) & stuck if not any(use.covered_by(a) for a in asked.accepts)]
            assert lacks or left or set(asked.pins) - ran or passed < len(asked.milestones), f"seed {seed}"
            for found in refusal.diagnostics:
                for letter in re.findall(r"no installed pass provides `Fact\(letter='(.)'\)`", found.message):
                    assert not any(
                        Fact(letter) in each.contract.provides
                        for each in asked.passes
                        if each.name not in asked.forbids
                    ), f"seed {seed}"
    assert seen > 100


def smaller(asked):
    """The problem without each one of its parts."""
    for field in ("goal", "pins", "milestones"):
        items = getattr(asked, field)
        for index in range(len(items)):
            yield replace(asked, **{field: items[:index] + items[index + 1 :]})
    for name in asked.forbids:
        yield replace(asked, forbids=asked.forbids - {name})
    for use in asked.uses:
        if not any(use.covered_by(each) for each in asked.accepts):
            yield replace(asked, accepts=(*asked.accepts, use))


def test_a_core_has_no_plan_and_every_smaller_problem_has_one():
    kinds = Counter()
    for seed in range(6000 * SHARE // 5):
        asked = catalogue(seed)
        if attempt(asked)[1] != "plan.no-order":
            continue
        core = minimal_core(asked)
        assert brute_force(core) is None, f"seed {seed}"
        for each in smaller(core):
            assert brute_force(each) is not None, f"seed {seed}"
        kinds += Counter(
            goal=len(core.goal), pins=len(core.pins), milestones=len(core.milestones), forbids=len(core.forbids)
        )
    wanted = ("goal", "pins", "milestones", "forbids") if SHARE == 5 else ("goal",)
    assert all(kinds[each] >= 3 for each in wanted), kinds


def test_a_foreign_dialect_is_lowered_before_passes_that_do_not_understand_it():
    core = (DialectUse("tile"), DialectUse("host"))
    annotate = make("annotate", "", "t", understands=core)
    lower = make("zz.lower", "", "", eliminates=(DialectUse("zz"),), introduces=(DialectUse("tile"),))
    foreign = problem("", "t", annotate, lower, uses=(DialectUse("zz"),), accepts=(*core, DialectUse("zz")))
    assert names(find_plan(foreign)) == ["zz.lower", "annotate"]
    assert names(find_plan(replace(foreign, uses=(DialectUse("tile"),)))) == ["annotate"]
    with pytest.raises(Refused) as caught:
        find_plan(replace(foreign, passes=(annotate,)))
    assert caught.value.code == "plan.no-provider"
    with pytest.raises(Refused) as caught:
        follow(foreign, (annotate, lower))
    assert caught.value.code == "plan.missing-fact"


def test_facts_without_fields_are_kept_apart():
    classes = [dataclass(frozen=True)(type(f"Bare{index}", (Capability,), {})) for index in range(6)]
    passes = tuple(
        type(f"P{index}", (Pass,), {"requires": (one(),), "provides": (two(),)})()
        for index, (one, two) in enumerate(itertools.pairwise(classes))
    )
    found = find_plan(Problem(frozenset({classes[0]()}), (classes[5](),), passes))
    assert names(found) == ["p0", "p1", "p2", "p3", "p4"]


def test_equal_problems_give_equal_plans_whatever_the_order_of_passes():
    for seed in range(80):
        asked = catalogue(seed)
        turned = Problem(**{**vars(asked), "passes": asked.passes[::-1]})
        results = []
        for each in (asked, turned):
            try:
                results.append(str(find_plan(each)))
            except Refused as refusal:
                results.append(str(refusal))
        assert results[0] == results[1]


def test_a_chain_is_ordered_and_explained():
    passes = (make("c-lower", "b", "c"), make("b-type", "a", "b"), make("other", "a", "z"))
    plan = find_plan(problem("a", "c", *passes))
    assert names(plan) == ["b-type", "c-lower"]
    assert [each.because for each in plan.steps] == [("Fact(letter='b')",), ("Fact(letter='c')",)]
    assert str(plan) == "b-type → c-lower"


def test_nothing_to_do():
    assert names(find_plan(problem("ab", "a", make("x", "", "a")))) == []


def test_a_destroyed_fact_is_provided_again():
    passes = (make("analyse", "a", "d"), make("schedule", "d", "s", "d"))
    assert names(find_plan(problem("a", "sd", *passes))) == ["analyse", "schedule", "analyse"]


def test_ties_go_by_name_and_costs_count():
    one, two = make("one", "a", "b"), make("two", "a", "b")
    assert names(find_plan(problem("a", "b", two, one))) == ["one"]
    assert names(find_plan(problem("a", "b", two, make("one", "a", "b", cost_=5)))) == ["two"]


def test_rejected_passes_say_why():
    plan = find_plan(problem("a", "b", make("one", "a", "b"), make("two", "a", "b"), make("x", "a", "z")))
    assert [(each.name, each.reason) for each in plan.rejected] == [("two", "`Fact(letter='b')` comes from `one`")]


def test_pins_forbids_and_milestones():
    one, two, tidy = make("one", "a", "b"), make("two", "a", "b"), make("tidy", "b", "t")
    assert names(find_plan(problem("a", "b", one, two, forbids=frozenset({"one"})))) == ["two"]
    pinned = find_plan(problem("a", "b", one, two, tidy, pins=("tidy",)))
    assert names(pinned) == ["one", "tidy"]
    assert pinned.steps[1].because == ("pinned",)
    first = make("first", "", "m", "n")
    second = make("second", "", "n", "m")
    assert names(find_plan(problem("", "", first, second, milestones=facts("nm")))) == ["second", "first"]


def test_uses_are_eliminated_where_the_target_does_not_accept_them():
    csp, tile = DialectUse("csp", spans=(Span(file="user.py", line=2),)), DialectUse("tile")
    lower = make("lower", "", "", eliminates=(DialectUse("csp"),), introduces=(OpUse("csp.lock"),))
    locks = make("locks", "", "", eliminates=(OpUse("csp.*"),))
    asked = problem("", "", lower, locks, uses=(csp, tile), accepts=(tile,))
    plan = find_plan(asked)
    assert names(plan) == ["lower", "locks"]
    assert plan.steps[0].because == ("no DialectUse(name='csp')",)


def test_the_missing_fact_and_the_chain_of_those_who_want_it():
    passes = (make("aie.map", "g", "m"), make("csp.graph", "u", "g"))
    with pytest.raises(Refused) as caught:
        find_plan(
            problem("a", "m", *passes, subject="halo", target="aie:npu1", owners={"aie.map": "htp-backend-aie 0.2.0"})
        )
    assert str(caught.value) == (
        "error[plan.no-provider]: `halo` cannot be compiled for `aie:npu1`: "
        "no installed pass provides `Fact(letter='u')`\n"
        "   = `aie:npu1` wants `Fact(letter='m')`\n"
        "   = `Fact(letter='m')` comes from pass `aie.map`, which wants `Fact(letter='g')`  (htp-backend-aie 0.2.0)\n"
        "   = `Fact(letter='g')` comes from pass `csp.graph`, which wants `Fact(letter='u')`"
    )


def test_an_unaccepted_use_is_refused_at_its_place_with_the_package_to_install():
    span = Span(file="user.py", line=14)
    uses = (DialectUse("csp", spans=(span,)), FacetUse("axe", role="memory"))
    with pytest.raises(Refused) as caught:
        find_plan(problem("a", "a", uses=uses, accepts=(DialectUse("tile"),)))
    first, second = caught.value.diagnostics
    assert (first.code, first.span, first.help) == ("plan.no-provider", span, ("pip install htp-dialect-csp",))
    assert second.help == ("pip install htp-layout-axe",)


def test_passes_that_need_each_other_are_no_providers():
    with pytest.raises(Refused) as caught:
        find_plan(problem("", "a", make("p", "b", "a"), make("q", "a", "b")))
    assert caught.value.code == "plan.no-provider"
    assert "only by passes that need it themselves" in str(caught.value)


def test_independent_missing_facts_are_reported_at_once():
    with pytest.raises(Refused) as caught:
        find_plan(problem("", "ab", make("p", "x", "a"), make("q", "y", "b")))
    assert len(caught.value.diagnostics) == 2


def test_the_destroyer_is_named():
    lower = make("lower", "s", "l", "s")
    with pytest.raises(Refused) as caught:
        find_plan(problem("s", "lsq", lower, make("other", "", "q")))
    assert caught.value.code == "plan.no-order"
    assert [each.text for each in caught.value.diagnostic.chain] == [
        "every route runs pass `lower`, which destroys `Fact(letter='s')`; no pass after it restores that",
    ]
    assert "Fact(letter='q')" not in str(caught.value)


def test_a_pin_that_destroys_is_named():
    with pytest.raises(Refused) as caught:
        find_plan(problem("s", "s", make("wreck", "", "", "s"), pins=("wreck",)))
    assert caught.value.code == "plan.no-order"
    assert caught.value.diagnostic.help == ("do not pin `wreck`",)


def test_width_subtyping_is_used():
    class Rows(Pass):
        provides = (Vectorized(width=16),)

    asked = Problem(frozenset({Captured()}), (Vectorized(),), (Rows(),))
    assert names(find_plan(asked)) == ["rows"]
    with pytest.raises(Refused):
        find_plan(Problem(frozenset(), (Vectorized(width=8),), (Rows(),)))


def test_a_long_catalogue_is_planned_within_the_effort_limit():
    import htp._impl.search as search

    letters = [chr(0x3B1 + index) for index in range(60)]
    passes = [make(f"p{i:02}", letters[i - 1] if i else "", each, letters[i - 2] if i % 7 == 3 else "")
              for i, each in enumerate(letters)]  # fmt: skip
    passes += [make(f"q{i:02}", each, letters[(i * 7) % 60]) for i, each in enumerate(letters)]
    old, search.EXPANSION_LIMIT = search.EXPANSION_LIMIT, 200
    try:
        asked = problem("", letters[30:45], *passes)
        assert replays(asked, find_plan(asked))
    finally:
        search.EXPANSION_LIMIT = old


def test_a_written_sequence_is_followed_or_refused():
    one, two = make("one", "a", "b"), make("two", "b", "c")
    asked = problem("a", "c", one, two)
    assert names(follow(asked, (one, two))) == ["one", "two"]
    for steps, code in (((two, one), "plan.missing-fact"), ((one,), "plan.goal-missed")):
        with pytest.raises(Refused) as caught:
            follow(asked, steps)
        assert caught.value.code == code


def test_a_followed_sequence_keeps_pins_forbids_and_milestones():
    one, two = make("one", "a", "b"), make("two", "b", "c")
    asked = problem("a", "b", one, two)
    for change in (
        {"pins": ("two",)},
        {"forbids": frozenset({"one"})},
        {"milestones": facts("c")},
    ):
        with pytest.raises(Refused) as caught:
            follow(replace(asked, **change), (one,))
        assert caught.value.code == "plan.goal-missed"
    assert names(follow(replace(asked, milestones=facts("ab")), (one,))) == ["one"]
    with pytest.raises(Refused) as caught:
        follow(replace(asked, pins=("three",)), (one,))
    assert caught.value.code == "plan.unknown-pass"


@dataclass(frozen=True)
class Tuned(Pass):
    """A pass with options."""

    width: int = 1
    names: tuple[str, ...] = ()
    name = "toy.tuned"


def written(*steps):
    from htp.artifact.manifest import PlanFile, PlanStep

    return PlanFile(
        target="toy", steps=tuple(PlanStep(id=f"{i:02}-x", pass_=each) for i, each in enumerate(steps, start=1))
    )


def test_a_plan_is_written_and_read_back(tmp_path):
    import msgspec

    from htp._impl.written_plans import passes_of, read_plan

    plain, tuned = make("plain-pass"), Tuned(width=4, names=("a", "it's"))
    plan = follow(problem("", "", plain, Tuned()), (plain, tuned))
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(plan.record("toy")))
    for path in (tmp_path, str(tmp_path / "plan.json")):
        assert passes_of(read_plan(path), (Tuned(), plain)) == (plain, tuned)
    assert passes_of(written("toy.tuned"), (Tuned(width=9),)) == (Tuned(width=9),)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("gone", "plan.unknown-pass"),
        ("toy.tuned(depth=3)", "plan.unreadable"),
        ("toy.tuned(width=open('x'))", "plan.unreadable"),
        ("toy.tuned(3)", "plan.unreadable"),
        ("toy.tuned(**{})", "plan.unreadable"),
        ("toy.tuned(width=", "plan.unreadable"),
    ],
)
def test_what_is_no_step_is_refused(step, code):
    from htp._impl.written_plans import passes_of

    with pytest.raises(Refused) as caught:
        passes_of(written(step), (Tuned(),))
    assert caught.value.code == code


@pytest.mark.parametrize("content", [None, b"{", b'{"schema": "htp.plan/2", "target": "x"}'])
def test_what_is_no_plan_file_is_refused(content, tmp_path):
    from htp._impl.written_plans import read_plan

    if content is not None:
        (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(Refused) as caught:
        read_plan(tmp_path)
    assert caught.value.code == "plan.unreadable"


def test_a_plan_is_recorded():
    import msgspec

    class Infer(Pass):
        requires = (Captured(),)
        provides = (Typed(),)

    class Lower(Pass):
        requires = (Typed(),)
        provides = (Loops(),)

    plan = find_plan(Problem(frozenset({Captured()}), (Loops(),), (Lower(), Infer())))
    record = plan.record("cpu", {"infer": "htp-core 0.1.0"})
    assert record.target == "cpu"
    assert record.goal == ("Loops()",)
    assert [(each.id, each.pass_, each.provider) for each in record.steps] == [
        ("01-infer", "infer", "htp-core 0.1.0"),
        ("02-lower", "lower", ""),
    ]
    assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)) == record


def test_the_problem_of_a_program_and_a_backend():
    from htp.declarations import Backend, Lazy
    from htp.environment import Environment
    from htp.plugins import Found
    from htp.program import Program
    from htp.session import Session
    from htp.targets import Model, Target

    session = Session([Found("gone", "nowhere_at_all", "htp-gone", "1.0", ("htp-core",))])
    backend = Backend("toy", facts("b"), (OpUse("tile.*"),), (), "toy.package/1", Lazy("toy:emit"), passes=("p", "q"))
    environment = Environment(Target(backend="toy", variant="x", model=Model(name="toy")), backend, session)
    program = Program("halo", (), facts=frozenset(facts("a")), uses=(OpUse("tile.exp"),))
    asked = problem_for(program, environment, pins=("r", "q"), forbids=frozenset({"p"}))
    assert (asked.goal, asked.pins, asked.subject, asked.target) == (facts("b"), ("q", "r"), "halo", "toy:x")
    assert asked.uses == (OpUse("tile.exp"),)
    (note,) = asked.notes
    assert "`gone` of htp-gone 1.0 cannot be imported" in note
    with pytest.raises(Refused) as caught:
        find_plan(Problem(**{**vars(asked), "pins": (), "forbids": frozenset()}))
    assert note in caught.value.diagnostic.notes
