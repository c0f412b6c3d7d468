"""How long planning takes on random layered catalogues of passes, and on a real program for the CPU.

    python benchmarks/planner.py

Every pass requires one or two facts of lower layers, provides one of its own, and every third also invalidates a
fact of a lower layer. The goal is three facts of the last layer. Catalogues that can be solved and those that cannot
are reported apart; of each size there are thirty, from fixed seeds. The bars are medians of the solved ones.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from htp import In, Out, Tensor, f32, kernel
from htp.capabilities import Capability
from htp.compilation import captured
from htp.diagnostics import Refused
from htp.environment import Environment
from htp.passes import Contract, Pass
from htp.planner import Problem, find_plan, problem_for
from htp.session import current_session

BARS = {20: 1.0, 60: 10.0, 120: 30.0, 500: 200.0}
"""Passes and milliseconds."""
REAL_BAR = 5.0
"""Milliseconds for a program of the CPU."""
CATALOGUES = 30
WIDTH = 4
"""Facts in a layer."""
PER_FACT = 2
"""Passes that provide one fact, on average."""


def fact_class(name: str) -> type[Capability]:
    """A fact of its own."""
    return dataclass(frozen=True)(type(name, (Capability,), {}))


FACTS = [[fact_class(f"Fact{layer}x{index}")() for index in range(WIDTH)] for layer in range(80)]


def pass_with(name: str, contract: Contract) -> Pass:
    """A pass that only promises."""
    return type(name, (Pass,), {"name": name, "contract": property(lambda _: contract)})()


def catalogue(size: int, seed: int) -> Problem:
    """A layered catalogue and a goal in its last layer."""
    rng = random.Random(f"{size} {seed}")
    layers = max(2, size // (WIDTH * PER_FACT))
    passes: list[Pass] = []
    for number in range(size):
        layer = 1 + number % layers
        below = [fact for each in FACTS[max(0, layer - 3) : layer] for fact in each]
        contract = Contract(
            requires=tuple(rng.sample(below, rng.randint(1, 2))),
            provides=(rng.choice(FACTS[layer]),),
            invalidates=(rng.choice(below),) if rng.random() < 1 / 3 else (),
        )
        passes.append(pass_with(f"pass-{number:03}", contract))
    return Problem(frozenset(FACTS[0]), tuple(rng.sample(FACTS[layers], 3)), tuple(passes))


def timed(problem: Problem) -> tuple[str, float, int]:
    """How planning ends, what it takes in milliseconds, and how many steps the plan has."""
    best, outcome, steps = float("inf"), "", 0
    for _ in range(3):
        began = time.perf_counter()
        try:
            steps, outcome = len(find_plan(problem).steps), "plan"
        except Refused as refusal:
            outcome = refusal.code
        best = min(best, 1e3 * (time.perf_counter() - began))
    return outcome, best, steps


@kernel
def double(x: In[Tensor[f32, "N"]], y: Out[Tensor[f32, "N"]]) -> None:
    """`y = 2 x`."""
    y[:] = 2.0 * x[:]


def real() -> tuple[float, int]:
    """What planning a kernel for the CPU takes in milliseconds, with everything that is installed, and its steps."""
    session = current_session()
    environment, program = Environment.of("cpu", session), captured(double, session, {})
    times: list[float] = []
    plan = find_plan(problem_for(program, environment))
    for _ in range(CATALOGUES):
        began = time.perf_counter()
        plan = find_plan(problem_for(program, environment))
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times), len(plan.steps)


def main() -> int:
    """Prints the figures of every size; 1 when a median is above its bar."""
    missed = False
    for size, bar in BARS.items():
        found: dict[str, list[float]] = defaultdict(list)
        lengths: list[int] = []
        seed = 0
        while len(found["plan"]) < CATALOGUES:
            outcome, milliseconds, steps = timed(catalogue(size, seed))
            found[outcome].append(milliseconds)
            lengths += [steps] if steps else []
            seed += 1
        for outcome, times in sorted(found.items(), key=lambda each: each[0] != "plan"):
            p90 = statistics.quantiles(times, n=10)[-1] if len(times) > 1 else times[0]
            line = f"{size:4} passes  {outcome:<17}{len(times):4} of {seed:<4}"
            line += f"median {statistics.median(times):8.2f} ms   p90 {p90:8.2f} ms"
            if outcome == "plan":
                line += f"   bar {bar:g} ms, {statistics.median(lengths):g} steps"
                missed |= statistics.median(times) > bar
            sys.stdout.write(line + "\n")
        gave_up = len(found["plan.gave-up"]) / seed
        sys.stdout.write(f"            gave up on {gave_up:.0%}\n")
    milliseconds, steps = real()
    missed |= milliseconds > REAL_BAR
    sys.stdout.write(f"a kernel for the CPU   median {milliseconds:8.2f} ms   bar {REAL_BAR:g} ms, {steps} steps\n")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
