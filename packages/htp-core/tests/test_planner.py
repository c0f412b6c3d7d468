import random
from dataclasses import dataclass

import pytest

from htp.capabilities import Capability, Captured, DialectUse, FacetUse, Loops, OpUse, Typed, Vectorized
from htp.diagnostics import Refused, Span
from htp.passes import Contract, Pass
from htp.planner import Problem, find_plan, follow, problem_for


@dataclass(frozen=True)
class Fact(Capability):
    letter: str = ""


def facts(letters):
    return tuple(Fact(each) for each in letters)


def make(name_, requires="", provides="", invalidates="", eliminates=(), introduces=(), cost_=1):
    class Made(Pass):
        name = name_
        cost = cost_

        @property
        def contract(self):
            return Contract(facts(requires), facts(provides), facts(invalidates), eliminates, introduces)

    return Made()


def problem(start, goal, *passes, **more):
    return Problem(frozenset(facts(start)), facts(goal), passes, **more)


def names(plan):
    return [each.name for each in plan.passes]


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
            if contract.missing(now):
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
    assert set(outcomes) == {"plan", "plan.no-provider", "plan.no-order"}
    assert min(map(outcomes.count, set(outcomes))) > 15


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
        "   = `Fact(letter='m')` comes from pass `aie.map` (htp-backend-aie 0.2.0), which wants `Fact(letter='g')`\n"
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
    assert caught.value.diagnostic.notes == (
        "every route runs pass `lower`, which destroys `Fact(letter='s')`; no pass after it restores that",
    )
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
    from htp.plugins import Found
    from htp.program import Program
    from htp.session import Session

    session = Session([Found("gone", "nowhere_at_all", "htp-gone", "1.0", ("htp-core",))])
    backend = Backend("toy", facts("b"), (OpUse("tile.*"),), (), "toy.package/1", Lazy("toy:emit"), passes=("p", "q"))
    program = Program("halo", (), facts=frozenset(facts("a")), uses=(OpUse("tile.exp"),))
    asked = problem_for(program, backend, session, target="toy:x", pins=("r", "q"), forbids=frozenset({"p"}))
    assert (asked.goal, asked.pins, asked.subject, asked.target) == (facts("b"), ("q", "r"), "halo", "toy:x")
    assert asked.uses == (OpUse("tile.exp"),)
    (note,) = asked.notes
    assert "`gone` of htp-gone 1.0 cannot be imported" in note
    with pytest.raises(Refused) as caught:
        find_plan(Problem(**{**vars(asked), "pins": (), "forbids": frozenset()}))
    assert note in caught.value.diagnostic.notes
