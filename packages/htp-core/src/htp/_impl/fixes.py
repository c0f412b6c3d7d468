"""Help that was tried: an edit or a command is printed only if there is a plan once it is made.

Knows how a problem changes by an edit; does not know how a refusal is worded otherwise.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from htp._impl.encoding import Ran, Reached, Space, Without
from htp._impl.obtaining import obtaining
from htp._impl.search import ExhaustedError, search
from htp._impl.wording import listed
from htp.diagnostics import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from htp._impl.obtaining import Obtaining
    from htp.capabilities import Capability, Use
    from htp.passes import Pass
    from htp.planner import Problem

Edit = Callable[["Problem"], "Problem"]
NAMED = 3
"""How many targets or names a help line holds at most."""


@dataclass(frozen=True)
class Fix:
    """What somebody may do, in words, and what it makes of the problem."""

    text: str
    edit: Edit


def verified(problem: Problem, fixes: Iterable[Fix]) -> tuple[str, ...]:
    """The texts of the fixes after which there is a plan; all in one line when only all together lead to one."""
    tried = list(fixes)
    if works := [each.text for each in tried if plannable(each.edit(problem))]:
        return tuple(dict.fromkeys(works))
    if len(tried) > 1 and plannable(reduce(lambda left, fix: fix.edit(left), tried, problem)):
        return ("; ".join(dict.fromkeys(each.text for each in tried)),)
    return ()


def plannable(problem: Problem) -> bool:
    """Whether there is a plan; an effort limit that was reached counts as no."""
    try:
        space = Space.of(problem)
        return not space.unreachable() and search(space) is not None
    except ExhaustedError:
        return False


def assume(problem: Problem, wanted: Iterable[Capability]) -> Problem:
    """The problem as if somebody brought these wanted facts."""
    for fact in wanted:
        if isinstance(fact, Without) and fact.use is not None:
            problem = replace(problem, accepts=(*problem.accepts, fact.use))
        elif not isinstance(fact, (Ran, Reached)):
            problem = replace(problem, facts=problem.facts | {fact})
    return problem


def obtain(problem: Problem, wanted: Capability) -> Obtaining | None:
    """Where the provider of a wanted fact can be had."""
    plugins = problem.environment.session.plugins if problem.environment is not None else ()
    if isinstance(wanted, Without) and wanted.use is not None:
        return obtaining(wanted.use.kind, wanted.use.name, plugins)
    return obtaining("fact", wanted.tag, plugins)


def provided(problem: Problem, wanted: Capability) -> Iterator[Fix]:
    """Ways to have a fact that nobody provides: get its provider, lift a forbid, set an option of a pass."""
    if found := obtain(problem, wanted):
        yield Fix(found.text, lambda now: assume(now, (wanted,)))
    for each in problem.passes:
        if each.name in problem.forbids:
            yield allow(each.name)
        for changed, setting in _options(each, wanted):
            yield Fix(f"set {setting} of pass `{each.name}`", lambda now, changed=changed: _with_pass(now, changed))


def allow(name: str) -> Fix:
    """A pass is no longer forbidden."""
    return Fix(f"do not forbid `{name}`", lambda now: replace(now, forbids=now.forbids - {name}))


def forbid(name: str) -> Fix:
    """A pass is forbidden."""
    return Fix(f"forbid `{name}`", lambda now: replace(now, forbids=now.forbids | {name}))


def unpin(name: str) -> Fix:
    """A pass is no longer pinned."""
    return Fix(f"do not pin `{name}`", lambda now: replace(now, pins=tuple(each for each in now.pins if each != name)))


def respelled(problem: Problem, wrong: str) -> Iterator[Fix]:
    """Names of passes like one that is pinned or forbidden and not installed; other such names are left out."""
    known = {each.name for each in problem.passes}

    def spelled(now: Problem, right: str) -> Problem:
        pins = (right if each == wrong else each for each in now.pins)
        forbids = {right if each == wrong else each for each in now.forbids}
        return replace(now, pins=tuple(each for each in pins if each in known), forbids=frozenset(forbids & known))

    for name in difflib.get_close_matches(wrong, sorted(known), n=NAMED):
        yield Fix(f"did you mean `{name}`?", lambda now, name=name: spelled(now, name))


def renamed(use: Use, known: Iterable[str]) -> Iterator[Fix]:
    """Names like that of the use: it may be misspelled."""
    for name in difflib.get_close_matches(use.name, sorted(set(known) - {use.name}), n=NAMED, cutoff=0.7):
        yield Fix(f"did you mean `{name}`?", lambda now, name=name: exchanged(now, use, replace(use, name=name)))


def exchanged(problem: Problem, old: Use, new: Use | None = None) -> Problem:
    """The problem of the program with one use replaced, or left out."""
    uses = (new if each == old else each for each in problem.uses)
    return replace(problem, uses=tuple(each for each in uses if each is not None))


def user_pins(problem: Problem) -> tuple[str, ...]:
    """The pins that are not the backend's own."""
    own = problem.environment.backend.passes if problem.environment is not None else ()
    return tuple(each for each in problem.pins if each not in own)


def other_targets(problem: Problem) -> tuple[str, ...]:
    """A line that names installed targets which accept the program, if there are any."""
    names = list(_accepting(problem))
    if not names:
        return ()
    return (f"{listed([f'--target {each}' for each in names], 'or')} accepts this program",)


def _accepting(problem: Problem) -> Iterator[str]:
    here = problem.environment
    if here is None:
        return
    from htp.environment import Environment
    from htp.planner import problem_for
    from htp.program import Program

    program = Program(problem.subject, (), facts=problem.facts, uses=problem.uses)
    found = 0
    for name in here.session.targets:
        if name == here.target.name or found == NAMED:
            continue
        try:
            other = Environment.of(name, here.session)
        except Refused:
            continue
        if plannable(problem_for(program, other, pins=user_pins(problem), forbids=problem.forbids)):
            found += 1
            yield name


def _options(step: Pass, wanted: Capability) -> Iterator[tuple[Pass, str]]:
    """A pass with an option set so that it provides what is wanted, if it is that simple."""
    names = {each.name for each in dataclasses.fields(wanted)} & step.options.keys()
    wished = {name: getattr(wanted, name) for name in sorted(names) if getattr(wanted, name) is not None}
    if not wished:
        return
    try:
        changed = replace(step, **wished)
        offers = changed.contract.provides
    except (TypeError, ValueError, Refused):
        return
    if any(fact.satisfies(wanted) for fact in offers):
        yield changed, ", ".join(f"`{name}={value!r}`" for name, value in wished.items())


def _with_pass(problem: Problem, changed: Pass) -> Problem:
    return replace(problem, passes=tuple(changed if each.name == changed.name else each for each in problem.passes))
