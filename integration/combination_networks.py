"""Networks of processes that cannot be, or cannot be on a target."""

from __future__ import annotations

from combination_kit import Case, source, uninstalled

STREAM = """
from htp_dialect_csp import Channel, Recv, Send, network, process


@process
def load(x: In[Tensor[f32, 4]], out: Send[f32]) -> None:
    for i in range(4):
        out.send(tile.item(x[i]))


@process
def store(inp: Recv[f32], y: Out[Tensor[f32, 4]]) -> None:
    for i in range(4):
        y[i] = inp.recv()


@network
def f(x: In[Tensor[f32, 4]], y: Out[Tensor[f32, 4]]) -> None:
    a = Channel[f32](capacity=1)
    load(x, a)
    store(a, y)
"""
MERGED = """
from htp_dialect_csp import EOS, Channel, Recv, Send, network, process, select


@process
def load(x: In[Tensor[f32, 2]], out: Send[f32]) -> None:
    for i in range(2):
        out.send(tile.item(x[i]))


@process
def merge(a: Recv[f32], b: Recv[f32], y: InOut[Tensor[f32, 4]]) -> None:
    for k in range(2):
        y[2 * k] = a.recv()
        y[2 * k + 1] = b.recv()


@network
def f(x: In[Tensor[f32, 2]], z: In[Tensor[f32, 2]], y: InOut[Tensor[f32, 4]]) -> None:
    a = Channel[f32](capacity=1)
    b = Channel[f32](capacity=1)
    load(x, a)
    load(z, b)
    merge(a, b, y)
"""
SELECTED = MERGED.replace(
    """    for k in range(2):
        y[2 * k] = a.recv()
        y[2 * k + 1] = b.recv()
""",
    """    for k in range(4):
        found = select([a, b])
        if found is not EOS:
            _, value = found
            y[k] = value
""",
)
TWO_SENDERS = STREAM + "    load(x, a)\n"
TURNS = """
from htp_dialect_csp import Channel, Recv, Send, network, process


@process
def spread(x: In[Tensor[f32, 8]], left: Send[f32], right: Send[f32]) -> None:
    for i in range(4):
        left.send(tile.item(x[i]))
    for i in range(4):
        right.send(tile.item(x[i + 4]))


@process
def add(left: Recv[f32], right: Recv[f32], y: Out[Tensor[f32, 4]]) -> None:
    for i in range(4):
        y[i] = left.recv() + right.recv()


@network
def f(x: In[Tensor[f32, 8]], y: Out[Tensor[f32, 4]]) -> None:
    left = Channel[f32](capacity=2)
    right = Channel[f32](capacity=2)
    spread(x, left, right)
    add(left, right, y)
"""

CASES: dict[int, Case] = {
    3: Case(
        "plan.no-provider",
        uninstalled("csp", source(STREAM)),
        source(STREAM),
        ("`htp_dialect_csp`", "pip install htp-dialect-csp"),
        line="from htp_dialect_csp import Channel",
    ),
    5: Case(
        "csp.timed",
        source(SELECTED, target="pto:a2a3sim"),
        source(MERGED, target="pto:a2a3sim"),
        ("`select` depends on the time", "'merge' becomes tasks", "`a.recv()`, `b.recv()`; or compile for `cpu`"),
        line="found = select([a, b])",
    ),
    28: Case(
        "csp.endpoint-shared",
        source(TWO_SENDERS),
        source(STREAM),
        ("channel 'a' has two senders: 'load'", "Use two channels and receive from both"),
        line="load(x, a)",
    ),
    29: Case(
        "csp.count",
        source(STREAM.replace("        y[i] = inp.recv()", "        y[i] = inp.recv() + inp.recv()")),
        source(STREAM),
        ("'load' sends 4 tokens, 'store' receives 8", "4 tokens would be missing"),
        line="y[i] = inp.recv() + inp.recv()",
    ),
    30: Case(
        "csp.deadlock",
        source(TURNS),
        source(TURNS.replace("left = Channel[f32](capacity=2)", "left = Channel[f32](capacity=3)")),
        ("capacity of 'left' is 2, 3 is needed for 'add' to make progress", "give `left` capacity=3 or more"),
        line="left.send(tile.item(x[i]))",
    ),
}
