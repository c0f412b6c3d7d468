"""Why there is no plan, said in the shortest causal chain, with help that was tried.

Knows how a proof is worded; the proofs are in `proofs`, the trying in `fixes`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from htp._impl.encoding import Ran, Space, Without
from htp._impl.fixes import (
    NAMED,
    allow,
    assume,
    forbid,
    obtain,
    other_targets,
    provided,
    renamed,
    unpin,
    user_pins,
    verified,
)
from htp._impl.proofs import blamed, shortest_chain
from htp._impl.wording import listed, used, wish
from htp.diagnostics import Diagnostic, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from htp._impl.encoding import Want
    from htp._impl.proofs import Blame, Link
    from htp.capabilities import Capability
    from htp.diagnostics import Span
    from htp.planner import Problem


def no_provider(problem: Problem, space: Space, missing: tuple[Want, ...]) -> Refused:
    """One finding for each fact that nothing provides, with the chain of those who want it."""
    chains: dict[Capability, tuple[Link, ...]] = {}
    for want in missing:
        chain = shortest_chain(space, want)
        chains.setdefault(chain[-1].fact, chain)
    return Refused.of(*(_finding(problem, space, chain, chains) for chain in chains.values()))


def no_order(problem: Problem, core: Problem) -> Refused:
    """Names the wishes of the smallest conflict and, where it can be proved, the pass that is to blame."""
    space = Space.of(core)
    culprits = blamed(space)
    brought = [each.fact.use for each in culprits if isinstance(each.fact, Without) and each.fact.use is not None]
    if brought and len(brought) == len(culprits):
        lacking = " and ".join(used(each) for each in brought)
        lack, label = f"nothing installed understands {lacking} there", f"needs {lacking}"
        place = _taken_away(problem, culprits[0].destroyer) or _declared(problem)
    else:
        texts = [wish(want.fact) for want in space.goal]
        lack = f"makes {' and '.join(texts)} hold together" if len(texts) > 1 else f"leads to {texts[0]}"
        lack = f"no order of passes {lack}{f' without {listed(sorted(core.forbids))}' if core.forbids else ''}"
        label, place = "", _declared(problem)
    avoidable = dict.fromkeys(each.destroyer for each in culprits if each.destroyer not in problem.pins)
    fixes = [
        *(unpin(name) for name in user_pins(problem)),
        *(allow(name) for name in sorted(problem.forbids)),
        *(forbid(name) for name in avoidable),
    ]
    return Refused(
        "plan.no-order",
        _message(problem, lack),
        span=place,
        label=label,
        chain=tuple(Reason(text=_destroys(each), by=problem.owners.get(each.destroyer, "")) for each in culprits),
        notes=problem.notes,
        help=(*verified(problem, fixes), *other_targets(problem)),
    )


def _taken_away(problem: Problem, name: str) -> Span | None:
    """Where the program uses what a pass takes away."""
    gone = next(each.contract.eliminates for each in problem.passes if each.name == name)
    uses = (use for use in problem.uses if use.spans and any(use.covered_by(each) for each in gone))
    return next((use.spans[0] for use in uses), None)


def _finding(problem: Problem, space: Space, chain: Sequence[Link], leaves: Iterable[Capability]) -> Diagnostic:
    leaf = chain[-1].fact
    use = leaf.use if isinstance(leaf, Without) else None
    place = use.spans[0] if use is not None and use.spans else _declared(problem)
    found = obtain(problem, leaf)
    fixes = [*provided(problem, leaf), *(unpin(name) for name in user_pins(problem))]
    if use is not None:
        fixes += renamed(use, (each.name for each in problem.accepts if type(each) is type(use)))
    alone = assume(problem, [each for each in leaves if each != leaf])
    tried = verified(alone, fixes)
    if not tried and found is not None and found.reasons:
        tried = (found.text,)  # cannot be tried: nobody knows what else a plugin that is not in force would bring
    return Diagnostic(
        code="plan.no-provider",
        message=_message(problem, _lack(problem, space, leaf)),
        span=place,
        label=f"needs {used(use) if use is not None else wish(leaf)}",
        chain=(*_links(problem, chain), *_near(problem, chain), *(found.reasons if found is not None else ())),
        notes=problem.notes if found is None or not found.reasons else (),
        help=(*tried, *other_targets(problem)),
    )


def _message(problem: Problem, lack: str) -> str:
    return f"`{problem.subject}` cannot be compiled for `{problem.target}`: {lack}"


def _declared(problem: Problem) -> Span | None:
    """Where the program is declared: what its text does not say has no better place."""
    return next((each.spans[0] for each in problem.uses if each.kind == "dialect" and each.spans), None)


def _lack(problem: Problem, space: Space, leaf: Capability) -> str:
    if isinstance(leaf, Without) and leaf.use is not None:
        return f"nothing installed understands {used(leaf.use)} there"
    if any(fact.satisfies(leaf) for fact in space.facts):
        return f"{wish(leaf)} is provided only by passes that need it themselves"
    barred = any(f.satisfies(leaf) for p in problem.passes if p.name in problem.forbids for f in p.contract.provides)
    return f"no {'allowed' if barred else 'installed'} pass provides {wish(leaf)}"


def _links(problem: Problem, chain: Sequence[Link]) -> Iterator[Reason]:
    """Who wants what, from the target to the fact that is missing."""
    first = chain[0].fact
    if isinstance(first, Ran):
        yield Reason(text=f"pass `{first.name}` is pinned")
    else:
        by = problem.environment.provider if problem.environment is not None else ""
        yield Reason(text=f"`{problem.target}` wants {wish(first)}", by=by)
    for wanted, link in pairwise(chain):
        text = f"{wish(wanted.fact)} comes from pass `{link.wanted_by}`, which wants {wish(link.fact)}"
        yield Reason(text=text, by=problem.owners.get(link.wanted_by, ""))


def _near(problem: Problem, chain: Sequence[Link]) -> Iterator[Reason]:
    """Passes outside the chain that provide what is missing and may not run, or the same with other fields."""
    leaf, named = chain[-1].fact, {link.wanted_by for link in chain}
    offers = sorted(
        (each.name, str(fact), fact.satisfies(leaf))
        for each in problem.passes
        for fact in each.contract.provides
        if type(fact) is type(leaf) and each.name not in named
    )
    for name, fact, enough in offers[:NAMED]:
        forbidden = ", and is forbidden" if name in problem.forbids else ""
        if forbidden or not enough:
            yield Reason(text=f"pass `{name}` provides `{fact}`{forbidden}", by=problem.owners.get(name, ""))


def _destroys(blame: Blame) -> str:
    if blame.sufferer:
        return f"pass `{blame.destroyer}` destroys {wish(blame.fact)} for good, which pass `{blame.sufferer}` needs"
    route = f"every route runs pass `{blame.destroyer}`, which"
    if isinstance(blame.fact, Without) and blame.fact.use is not None:
        return f"{route} brings in {used(blame.fact.use)}; no pass after it takes that away"
    return f"{route} destroys {wish(blame.fact)}; no pass after it restores that"
