"""Networks natively: known networks, random ones against `htp.networks`, deadlocks, failures, races."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import random
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec
import native_driver
import numpy as np
import pytest

from htp.channel_time import ChannelTime
from htp.channels import EOS, NONE, Receiver, Sender, select
from htp.deadlocks import Deadlock
from htp.links import Link
from htp.networks import Network
from htp.processes import running, stop
from htp.runs import Simulated
from htp.tasks import work
from htp.types import ScalarType, i64
from htp_backend_cpu.stuck import stuck

HERE = Path(__file__).parent
RUNTIME = sorted((native_driver.NATIVE / "runtime").glob("*.cpp"))
LONG = bool(os.environ.get("HTP_TEST_LONG"))
NETWORKS = 2000 if LONG else 300
VECTORS = {each["id"]: each for each in json.loads((HERE / "csp_vectors.json").read_text())}
SPEND, PUT, GET, SHUT, OFFER, POLL, LOOK, COUNT, CROWDED, CHOOSE, HALT, FALL, BEGIN = range(13)


class Fell(Exception):
    """A process failed at that step."""


class Run(msgspec.Struct):
    simulated: Simulated


@functools.cache
def vectors():
    library = ctypes.CDLL(str(native_driver.build("streams_vectors.so", HERE / "streams_vectors.cpp", *RUNTIME)))
    library.run_vector.restype = library.noted.restype = ctypes.c_char_p
    return library


@functools.cache
def scripts():
    library = ctypes.CDLL(str(native_driver.build("streams_scripts.so", HERE / "streams_scripts.cpp", *RUNTIME)))
    library.play_script.restype = ctypes.c_char_p
    return library


# ---- known networks ----


def vector(name, *, timed=False, delays=0):
    """The text of a run of a known network, or of its deadlock, and what its processes noted."""
    failure = native_driver.Failure()
    text = vectors().run_vector(
        ctypes.byref(failure), ctypes.c_longlong(int(name[1:])), ctypes.c_bool(timed),
        ctypes.c_ulonglong(delays),
    )  # fmt: skip
    return failure.code, text, vectors().noted().decode()


def figures(simulated):
    processes, channels = simulated.processes, simulated.channels
    return {
        "makespan": simulated.makespan,
        "time": {name: each.end for name, each in processes.items()},
        "busy": {name: each.busy for name, each in processes.items()},
        "stall_in": {name: each.stall_in for name, each in processes.items()},
        "stall_out": {name: each.stall_out for name, each in processes.items()},
        "n_stall": {name: each.stalls for name, each in processes.items()},
        "high_water": {name: each.high_water for name, each in channels.items()},
        "A": {name: list(each.accepts) for name, each in channels.items()},
        "D": {name: list(each.dequeues) for name, each in channels.items()},
    }


@pytest.mark.parametrize("timed", [False, True], ids=["kahn", "turns"])
@pytest.mark.parametrize("name", [name for name, each in VECTORS.items() if "deadlock" not in each["expect"]])
def test_known_networks_take_their_known_times(name, timed):
    expected = VECTORS[name]["expect"]
    for delays in range(6):
        code, text, noted = vector(name, timed=timed, delays=delays)
        assert code == 0
        found = figures(msgspec.json.decode(text, type=Run).simulated)
        assert found == {key: expected[key] for key in found}
        assert noted.split() == expected.get("order", expected.get("polled", []))


@pytest.mark.parametrize("timed", [False, True], ids=["kahn", "turns"])
@pytest.mark.parametrize("name", ["T10", "T11", "T13"])
def test_known_deadlocks_are_told_in_known_words(name, timed):
    expected = VECTORS[name]["expect"]
    for delays in range(6):
        code, text, _ = vector(name, timed=timed, delays=delays)
        report = stuck("net", text).report
        assert code == 5
        assert report.text == expected["text"]
        assert report.kind == expected["deadlock"]["kind"]
        assert {each.name: each.high_water for each in report.channels} == expected["deadlock"]["high_water"]
        assert {each.name: each.clock for each in report.processes} == expected["deadlock"]["time"]


@pytest.mark.parametrize("name", ["T04", "T07", "T11", "T18", "T19"])
def test_nothing_depends_on_who_is_first(name):
    assert len({vector(name, delays=delays)[1] for delays in range(1, 201)}) == 1


def test_a_deadlock_is_found_at_once_and_the_library_stays_usable():
    for name in ("T10", "T11", "T13"):
        start = time.perf_counter()
        assert vector(name)[0] == 5
        assert time.perf_counter() - start < 0.1
        assert vector("T01")[0] == 0


# ---- random networks ----


@dataclass
class Wire:
    sender: int
    receiver: int
    capacity: int
    latency: int
    response: int
    initial: int


@dataclass
class Script:
    """Steps are (process, kind, wire, cycles), in the order in which each process takes its own."""

    processes: int
    wires: list[Wire]
    steps: list[tuple[int, int, int, int]]


def scripted(seed, *, timed):
    """A network of 1 to 6 processes; one in three has its steps in no sensible order."""
    pick = random.Random(seed)
    size = pick.randint(1, 6)
    wires = []
    for _ in range(pick.randint(1, 8)):
        capacity = pick.choice((0, 0, 1, 1, 2, 3, 4))
        initial = pick.randint(0, capacity) if pick.random() < 0.3 else 0
        response, latency = pick.choice((0, 0, 2)), pick.choice((0, 0, 1, 3))
        wires.append(Wire(pick.randrange(size), pick.randrange(size), capacity, latency, response, initial))
    waiting = [each.initial for each in wires]
    sensible = pick.random() < 2 / 3
    steps = []
    for _ in range(pick.randint(5, 50)):
        wire = pick.randrange(len(wires))
        kind = GET if (waiting[wire] > 0 if sensible else True) and pick.random() < 0.5 else PUT
        if timed and pick.random() < 0.4:
            kind = pick.choice((OFFER, OFFER, POLL, POLL, LOOK, COUNT, CROWDED, CHOOSE, CHOOSE))
        waiting[wire] += 1 if kind in (PUT, OFFER) else -1 if kind in (GET, POLL) else 0
        owner = wires[wire].sender if kind in (PUT, OFFER, CROWDED) else wires[wire].receiver
        steps.append((owner, kind, wire, 0))
        if pick.random() < 0.6:
            steps.append((pick.randrange(size), SPEND, -1, pick.randint(0, 9)))
    for wire, each in enumerate(wires):
        if sensible:
            steps += [(each.receiver, GET, wire, 0)] * (max(waiting[wire], 0) + pick.choice((0, 0, 1, 2)))
        if pick.random() < 0.2:
            steps.append((each.sender, SHUT, wire, 0))
        elif pick.random() < 0.05:
            steps.append((each.sender, HALT, -1, 0))
    return Script(size, wires, steps)


def spawning(seed):
    """A network in which some processes are started by others, while they send and receive and look at the time."""
    script, pick = scripted(seed, timed=seed % 2 == 0), random.Random(seed)
    for child in range(script.processes - 1, 0, -1):
        if pick.random() < 0.6:
            script.steps.insert(pick.randrange(len(script.steps) // 2 + 1), (pick.randrange(child), BEGIN, -1, child))
    return script


def meant(script):
    """What the script means: what every step saw, and the times or the deadlock."""
    network, seen = Network("net"), [0] * len(script.steps)
    links = []
    for number, wire in enumerate(script.wires):
        time = ChannelTime(wire.capacity, wire.latency, wire.response, wire.initial)
        link = Link(ScalarType(i64), time, "c" if number == 0 else f"c_{number + 1}")
        link.tokens.extend(range(3, 3 + wire.initial))
        links.append(link)
    network.links += links
    parents = {child: process for process, kind, _, child in script.steps if kind == BEGIN}
    for number in range(script.processes):
        if number not in parents:
            made = network.add("p", lambda number=number: follow(script, links, seen, number))
            give(script, links, seen, number, made)
    try:
        network.run()
    except Deadlock as error:
        return seen, error.report
    except Fell as error:
        return seen, f"net.py:{error.args[0] + 1}"
    return seen, network.simulated()


def give(script, links, seen, number, made, parent=None):
    """Gives a process its ends, and those of all that it is to start."""
    parents = {child: process for process, kind, _, child in script.steps if kind == BEGIN}
    own = {number}
    for child in sorted(parents):  # which is started by one with a smaller number
        own |= {child} if parents[child] in own else set()
    for wire, link in zip(script.wires, links, strict=True):
        for side, owner in (("send", wire.sender), ("recv", wire.receiver)):
            if owner in own:
                if parent is not None:
                    link.hand_over(side, parent)
                link.claim(side, made, None)


def begin(script, links, seen, child):
    parent = running("begin")
    parent.pause()
    run = lambda: follow(script, links, seen, child)  # noqa: E731
    give(script, links, seen, child, parent.network.add("p", run, clock=parent.clock), parent)


def follow(script, links, seen, number):
    total = number
    ins = [link for link, wire in zip(links, script.wires, strict=True) if wire.receiver == number]
    for at, (process, kind, wire, given) in enumerate(script.steps):
        if process != number:
            continue
        link = links[wire]
        if kind == SPEND:
            work(given)
        elif kind == PUT:
            Sender(link).send(total)
        elif kind == SHUT:
            Sender(link).close()
        elif kind == HALT:
            stop()
        elif kind == FALL:
            raise Fell(at)
        elif kind == BEGIN:
            begin(script, links, seen, given)
        else:
            seen[at] = saw(kind, link, ins, total)
            total = (total * 31 + seen[at] + 7) % 1000003


def saw(kind, link, ins, total):
    if kind == OFFER:
        return int(Sender(link).try_send(total))
    if kind == COUNT:
        return len(Receiver(link))
    if kind == CROWDED:
        return int(Sender(link).full())
    if kind == CHOOSE:
        found = select([Receiver(each) for each in ins])
        return -1 if found is EOS else ins.index(found[0].link) * 1000 + int(found[1])
    found = {GET: Receiver.recv, POLL: Receiver.try_recv, LOOK: Receiver.peek}[kind](Receiver(link))
    return -1 if found is EOS else -2 if found is NONE else int(found)


def played(script, delays=0):
    """The same natively."""
    seen = np.zeros(len(script.steps), np.int64)
    wires = np.array([list(vars(each).values()) for each in script.wires], np.int64)
    steps = np.array(script.steps, np.int64)
    failure = native_driver.Failure()
    text = scripts().play_script(
        ctypes.byref(failure), ctypes.c_longlong(script.processes), ctypes.c_void_p(wires.ctypes.data),
        ctypes.c_longlong(len(wires)), ctypes.c_void_p(steps.ctypes.data), ctypes.c_longlong(len(steps)),
        ctypes.c_ulonglong(delays), ctypes.c_void_p(seen.ctypes.data),
    )  # fmt: skip
    if failure.code == 2:
        return seen.tolist(), failure.place.decode()
    if failure.code:
        assert failure.code == 5
        return seen.tolist(), stuck("net", text).report
    return seen.tolist(), msgspec.json.decode(text, type=Run).simulated


def told(report):
    """A report without the lines of the program, which a script does not have."""
    if isinstance(report, Simulated | str):
        return report
    clocks = [(each.name, each.clock, each.busy, each.stall_in, each.stall_out) for each in report.processes]
    return report.text, report.channels, clocks


@pytest.mark.parametrize("timed", [False, True], ids=["kahn", "turns"])
def test_random_networks_do_what_they_mean(timed):
    deadlocks = 0
    for seed in range(NETWORKS):
        script = scripted(seed, timed=timed)
        expected = meant(script)
        for delays in (0, seed + 1):
            found = played(script, delays)
            assert (seed, found[0], told(found[1])) == (seed, expected[0], told(expected[1]))
        deadlocks += not isinstance(expected[1], Simulated)
    assert NETWORKS // 20 < deadlocks < NETWORKS


def test_random_networks_that_start_processes_do_what_they_mean():
    deadlocks = most = 0
    for seed in range(NETWORKS):
        script = spawning(seed)
        expected = meant(script)
        for delays in (0, seed + 1):
            found = played(script, delays)
            assert (seed, found[0], told(found[1])) == (seed, expected[0], told(expected[1]))
        deadlocks += not isinstance(expected[1], Simulated)
        most = max(most, sum(kind == BEGIN for _, kind, _, _ in script.steps))
    assert NETWORKS // 20 < deadlocks < NETWORKS
    assert most >= 4


def falling(seed, *, timed):
    """A network in which up to four processes fail."""
    script, pick = scripted(seed, timed=timed), random.Random(seed)
    for _ in range(pick.randint(1, 4)):
        script.steps.insert(pick.randrange(len(script.steps)), (pick.randrange(script.processes), FALL, -1, 0))
    return script


@pytest.mark.parametrize("timed", [False, True], ids=["kahn", "turns"])
def test_of_several_failures_the_first_is_told(timed):
    fell = 0
    for seed in range(300):
        script = falling(seed, timed=timed)
        _, expected = meant(script)
        for delays in (0, seed + 1):
            _, found = played(script, delays)
            assert (seed, told(found)) == (seed, told(expected))
        fell += isinstance(expected, str)
    assert fell > 150


def test_of_failures_at_one_time_the_same_is_told_in_every_run():
    for seed in range(100):
        script = falling(seed, timed=False)
        script.steps = [step for step in script.steps if step[1] != SPEND]
        for wire in script.wires:
            wire.latency = wire.response = 0
        assert len({repr(told(played(script, delays)[1])) for delays in (0, *range(seed + 1, seed + 9))}) == 1


def test_ten_times_more_processes_than_processors_pass_tokens_on():
    count, tokens = 300, 20
    wires = [Wire(each, each + 1, 2, 1, 0, 0) for each in range(count - 1)]
    steps = [(0, PUT, 0, 0)] * tokens
    for each in range(1, count):
        steps += [(each, GET, each - 1, 0), *([(each, PUT, each, 0)] if each < count - 1 else [])] * tokens
    seen, simulated = played(Script(count, wires, steps))
    assert simulated.makespan >= count - 1
    assert len(simulated.processes) == count
    assert 0 not in seen[-tokens:]


def test_a_sanitizer_finds_no_race(tmp_path):
    program = tmp_path / "scripts"
    command = [
        *native_driver.compiler(), "-std=c++17", "-O1", "-g", "-fsanitize=thread", "-DSTREAMS_MAIN",
        "-I", str(native_driver.NATIVE), str(HERE / "streams_scripts.cpp"),
        *map(str, RUNTIME), "-o", str(program), "-pthread",
    ]  # fmt: skip
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode and "sanitize" in built.stderr:
        pytest.skip("the compiler has no thread sanitizer")
    assert built.returncode == 0, built.stderr[:3000]
    ran = subprocess.run([str(program), "400" if LONG else "60"], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, (ran.stdout + ran.stderr)[:6000]
