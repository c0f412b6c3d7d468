"""Made-up task graphs and reports of runs, small and large, ordinary and odd."""

import random

from htp.deadlocks import Blocked, BlockedChannel, BlockedProcess, DeadlockReport
from htp.diagnostics import Span
from htp.runs import (
    ChannelRun,
    ProcessRun,
    RunReport,
    Simulated,
    TaskEdge,
    TaskGraph,
    TaskNode,
    TaskRun,
    TaskStatistics,
    Wait,
)
from htp.views.declared import DeclaredChannel, DeclaredNetwork, DeclaredProcess


def node(kernel, *at, place=""):
    return TaskNode(kernel=kernel, at=at, place=place)


def edge(source, target, kind="RAW"):
    return TaskEdge(source=source, target=target, kind=kind)


def graph(nodes, edges=()):
    return TaskGraph(tasks=tuple(nodes), edges=tuple(edges))


def some_edges(count, tasks, kinds):
    draw = random.Random(1)
    pairs = sorted({tuple(sorted(draw.sample(range(tasks), 2))) for _ in range(count)})
    return [edge(*pair, draw.choice(kinds)) for pair in pairs]


ODD = '<b>"x"&#1;\n`md` \x00 %% --> ]'
KERNELS = ("norm", "gemm_tile", "softmax", "rope", "attend", "swiglu")
GRAPHS = {
    "empty": graph([]),
    "one": graph([node("alone")]),
    "two": graph([node("produce", 0), node("consume", 0)], [edge(0, 1)]),
    "chain": graph([node("add", i) for i in range(30)], [edge(i, i + 1, "RAW+WAR+WAW") for i in range(29)]),
    "diamond": graph(
        [node("load"), node("left"), node("right"), node("join", place="user.py:31")],
        [edge(0, 1), edge(0, 2, "WAR"), edge(0, 3, "stream"), edge(1, 3), edge(2, 3, "after")],
    ),
    "independent": graph([node("gemm_tile", i // 8, i % 8) for i in range(64)]),
    "join": graph([*(node("part", i) for i in range(64)), node("sum")], [edge(i, 64) for i in range(64)]),
    "random": graph(
        [node(KERNELS[i * 7 % 6], i // 10, i % 10) for i in range(200)],
        some_edges(420, 200, ["RAW", "WAR", "WAW", "RAW+WAW"]),
    ),
    "odd": graph(
        [node(ODD, -1, 2), node("行列積", 0), node("a" * 80, *range(20)), node("end", place="a<b>.py:3")],
        [edge(0, 1, "WAR"), edge(1, 2, 'odd "kind"'), edge(2, 3, "WAW")],
    ),
    "grouped": graph(
        [node(("prepare", "gemm_tile", "combine")[i % 3], i) for i in range(3000)],
        [*(edge(i, i + 1) for i in range(2999)), *(edge(i, i + 3, "WAR") for i in range(2997))],
    ),
}


def scheduled(tasks, workers, scale=1):
    """Runs of the tasks in order: each starts when its worker and what it depends on are done."""
    draw = random.Random(len(tasks.tasks))
    waits = {}
    for each in tasks.edges:
        waits.setdefault(each.target, []).append(each.source)
    free, runs = [0] * workers, []
    for index in range(len(tasks.tasks)):
        worker = index % workers
        start = max([free[worker], *(runs[before].end for before in waits.get(index, ()))])
        free[worker] = start + draw.randint(1, 12) * scale
        submit = max(0, start - draw.randint(0, 5) * scale)
        runs.append(TaskRun(worker=worker, submit=submit, start=start, end=free[worker]))
    return tuple(runs)


def report(tasks, entry="gemm"):
    real, cycles = scheduled(tasks, 3, 1370), scheduled(tasks, 4)
    return RunReport(
        entry=entry, target="cpu", mode="device", wall_seconds=0.25, graph=tasks,
        tasks=TaskStatistics(tasks=len(real), workers=3, window_high_water=7, window_stalls=2, runs=real),
        simulated=Simulated(
            makespan=max((run.end for run in cycles), default=0), tasks=cycles, window_high_water=5, window_stalls=1
        ),
    )  # fmt: skip


REPORTS = {name: report(each) for name, each in GRAPHS.items()} | {
    "nothing": RunReport(entry="f", target="cpu", mode="device"),
    "wall": RunReport(entry="f", target="cpu", mode="device", wall_seconds=0.5),
    "processes": RunReport(
        entry="f", target="cpu", mode="sim",
        simulated=Simulated(
            makespan=100,
            processes={
                "producer": ProcessRun(end=60, busy=40, stall_in=0, stall_out=20),
                ODD: ProcessRun(end=100, busy=50, stall_in=50, stall_out=0),
            },
            channels={
                "q": ChannelRun(
                    capacity=2, sends=4, receives=4, high_water=2, stall_full=3, stall_empty=4,
                    accepts=(0, 10, 20, 30), dequeues=(15, 25, 40, 90),
                ),
                "silent": ChannelRun(capacity=1, sends=0, receives=0, high_water=0, stall_full=0, stall_empty=0),
            },
        ),
    ),
    "network": RunReport(
        entry="f", target="cpu", mode="device", wall_seconds=0.002,
        simulated=Simulated(
            makespan=14, networks=1,
            processes={
                "prod": ProcessRun(
                    end=14, busy=13, stall_in=0, stall_out=1, stalls=1,
                    waits=(Wait(start=3, end=4, channel="q", why="full"),),
                ),
                "cons": ProcessRun(
                    end=14, busy=9, stall_in=1, stall_out=0, stalls=1,
                    waits=(
                        Wait(start=0, end=1, channel="q", why="empty"),
                        Wait(start=10, end=14, channel="q", why="end"),
                    ),
                ),
            },
            channels={
                "q": ChannelRun(
                    capacity=1, sends=3, receives=3, high_water=1, stall_full=1, stall_empty=1, stalls_full=1,
                    stalls_empty=1, accepts=(1, 2, 4), dequeues=(1, 4, 7), sender="prod", receiver="cons",
                ),
            },
        ),
    ),
}  # fmt: skip


def net(processes, channels, name="net"):
    """A declared network; a channel is its name, its sender and its receiver, and what else is written of it."""
    return DeclaredNetwork(
        name,
        tuple(DeclaredProcess(each, each.rstrip("0123456789"), "") for each in processes),
        tuple(
            DeclaredChannel(label, "Tile[f32, 16, 64]", sender=sender, receiver=receiver, **more)
            for label, sender, receiver, more in channels
        ),
    )


def some_net(seed, processes=20, channels=35):
    """Channels between any two processes, also from one to itself and around in circles."""
    draw = random.Random(seed)
    names = [f"worker{k}" for k in range(processes)]
    return net(names, [(f"c{k}", draw.choice(names), draw.choice(names), {}) for k in range(channels)])


NETWORKS = {
    "empty": net([], []),
    "alone": net(["one"], []),
    "prod": net(["prod", "cons"], [("q", "prod", "cons", {})]),
    "pipeline": net(
        ["load", "square", "store"],
        [("a", "load", "square", {"capacity": "2", "latency": "3"}), ("b", "square", "store", {"capacity": "0"})],
    ),
    "circle": net(
        ["mix", "keep"], [("forth", "mix", "keep", {}), ("back", "keep", "mix", {"response": "2", "initial": 1})]
    ),
    "parallel": net(["a", "b"], [(f"c{k}", "a", "b", {"capacity": "N"}) for k in range(6)]),
    "open": net(["a"], [("in", "", "a", {}), ("out", "a", "", {}), ("lost", "", "", {})]),
    "itself": net(["a"], [("c", "a", "a", {"initial": 1})]),
    "odd": net([ODD, "行列積", "x" * 80], [(ODD, ODD, "行列積", {}), ("q" * 80, "行列積", "x" * 80, {})]),
    "random": some_net(1),
    "others": some_net(2, 30, 50),
    "many": net(
        [f"{kind}{k}" for kind in ("send", "take") for k in range(60)],
        [(f"c{k}", f"send{k}", f"take{k}", {"capacity": "2"}) for k in range(60)],
    ),
}  # fmt: skip
STUCK = DeadlockReport(
    kind="artificial",
    time=0,
    blocked=(
        Blocked(
            process="S", clock=0, operation="send", channels=("x",), held=(2,), capacities=(2,), waits_for=("M",),
            span=Span(file="user.py", line=7),
        ),
        Blocked(
            process="M", clock=0, operation="recv", channels=("y",), held=(0,), capacities=(2,), waits_for=("S",),
            span=Span(file="user.py", line=12),
        ),
    ),
    cycle=("S", "M"),
    hint="raise capacity of x",
    raise_channel="x",
    raise_to=3,
    channels=(
        BlockedChannel(
            name="x", capacity=2, high_water=2, sends=3, receives=1, stall_full=0, stall_empty=0, closed=False,
            sender="S", receiver="M",
        ),
        BlockedChannel(
            name="y", capacity=2, high_water=0, sends=0, receives=0, stall_full=0, stall_empty=0, closed=False,
            sender="S", receiver="M",
        ),
        BlockedChannel(
            name="z", capacity=1, high_water=1, sends=4, receives=4, stall_full=6, stall_empty=5, closed=True,
            sender="T", receiver="S",
        ),
    ),
    processes=(
        BlockedProcess(name="S", clock=0, busy=0, stall_in=0, stall_out=0, line=7),
        BlockedProcess(name="M", clock=0, busy=0, stall_in=0, stall_out=0, line=12),
        BlockedProcess(name="T", clock=9, busy=3, stall_in=0, stall_out=6),
    ),
)  # fmt: skip
