"""What the process form does not say: words out of place, tokens that do not fit, ends used as they cannot be."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import htp
from htp import Send, i32, streams
from htp.capture import capture
from htp.diagnostics import Refused
from htp.lowering.annotate import Annotate
from htp.lowering.inline import InlineHelpers


def beside(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


STAGES = beside("stages")
PROGRAMS = beside("stream_programs")

ROUTINE = """
@routine
def f(x: In[Tensor[f32, "N", 4]], y: Out[Tensor[f32, "N", 4]], z: Out[Tensor[i32, "M"]]) -> None:
"""
KERNEL = """
@kernel
def f(inp: Recv[Tile[f32, 2, "r"]], num: Recv[Scalar[i32]], buf: Recv[Tensor[f32, 4]], out: Send[Tile[f32, 2, 4]],
      nums: Send[Scalar[i32]], bufs: Send[Tensor[f32, 4]], y: InOut[Tensor[f32, 4]]) -> None:
"""


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("open_network(1)", "type.bad-arguments", "`open_network` takes nothing"),
        ("open_network()", "type.bad-network", "never closed"),
        ("close_network()", "type.bad-network", "outside of a network"),
        ("open_network()\nopen_network()", "type.bad-network", "inside of another"),
        ("if x.shape[0] > 1:\n    open_network()", "type.bad-network", "in a loop or a branch"),
        ("a = channel(f32, (2, 4))", "type.bad-network", "outside of a network"),
        ("open_network()\na = channel(f32)", "type.bad-arguments", "takes a dtype and a shape"),
        ("open_network()\na = channel(f32, (2, 4), size=3)", "type.bad-arguments", "takes a dtype and a shape"),
        ("open_network()\na = channel(2, (2, 4))", "type.bad-arguments", "a dtype is needed"),
        ("open_network()\na = channel(f32, (2, 4), capacity=-1)", "type.bad-arguments", "`capacity`"),
        ("open_network()\na = channel(f32, (2, 4), region=1)", "type.bad-arguments", "`region` is True or False"),
        ("open_network()\na = channel(i32, (), initial=0)", "type.bad-arguments", "a tuple of tokens"),
        ("open_network()\na = channel(i32, (), initial=(0.5,))", "type.dtype-mismatch", "float"),
        ("open_network()\na = channel(f32, (2,), initial=(x[0, 0:3],))", "type.shape-mismatch", "carries"),
        ("open_network()\nchannel(f32, (2, 4))", "type.bad-network", "no name"),
        ("open_network()\na = channel(f32, (2, 4))\nb = a", "type.second-name", "second name"),
        ("open_network()\nprocess_name(3)", "type.bad-arguments", "a name is needed"),
        ("open_network()\na = channel(f32, (2, 5))\nload(x, a)", "type.shape-mismatch", "carries Tile[f32, 2, 5]"),
        ("open_network()\na = channel(f16, (2, 4))\nload(x, a)", "type.dtype-mismatch", "carries Tile[f16, 2, 4]"),
        ("open_network()\na = channel(f32, (2, 4), region=True)\nload(x, a)", "type.dtype-mismatch", "carries Tensor"),
        ("open_network()\nload(x, x)", "type.bad-network", "wants a channel for `out`"),
        ("open_network()\na = channel(f32, (2, 4))\nload(x[:, :] * 2.0, a)", "type.bad-network", "is a value"),
        ("open_network()\na = channel(f32, (2, 4))\nsend(a, x[0:2, :])", "type.bad-network", "outside of a process"),
        ("load(x, x)", "type.bad-network", "no network is open"),
    ],
)  # fmt: skip
def test_what_a_routine_may_not_say(tmp_path, body, code, said):
    text = ROUTINE + "".join(f"    {each}\n" for each in body.split("\n"))
    refused(defined(text, tmp_path), code, said)


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("open_network()", "type.bad-network", "stands in a kernel"),
        ("a = channel(f32, (2, 4))\nsend(a, tile.zeros((2, 3), f32))", "type.shape-mismatch", "(2, 3)"),
        ("spawn_process(3, nums)", "type.bad-arguments", "starts a kernel"),
        ("spawn_process(count, nums)", "type.bad-arguments", "`count` takes (n, out)"),
        ("spawn_process(count, 3, num)", "type.bad-network", "wants a channel for `out`, not Recv[Scalar[i32]]"),
        ("spawn_process(count, 3, nums)\nsend(nums, 1)", "csp.endpoint-shared", "'nums' has two senders: 'count'"),
        ("spawn_process(count, 3, nums)\nclose(nums)", "csp.endpoint-shared", "'nums' has two senders"),
        ("spawn_process(count, 3, nums)\nn = occupancy(nums)", "csp.endpoint-shared", "'nums' has two senders"),
        ("spawn_process(count, 3, nums)\nspawn_process(count, 3, nums)", "csp.endpoint-shared", "'count' (line"),
        ("for k in range(2):\n    spawn_process(count, k, nums)", "csp.endpoint-shared", "in every turn of the loop"),
        ("while advance(num):\n    spawn_process(count, 3, nums)", "csp.endpoint-shared", "in every turn of the loop"),
        ("if y.shape[0] > 2:\n    spawn_process(count, 3, nums)\nsend(nums, 1)", "csp.endpoint-shared", "two senders"),
        ("a = channel(i32, ())\nspawn_process(count, 3, a)\nsend(a, 1)", "csp.endpoint-shared", "'a' has two senders"),
        (
            "a = channel(i32, ())\nfor k in range(2):\n    spawn_process(count, 3, a)",
            "csp.endpoint-shared", "in every turn of the loop",
        ),
        ("b = empty((4,), i32)\nspawn_process(drain, num, b)", "type.bad-network", "this process's own"),
        ("spawn_process(load, y, out)", "type.shape-mismatch", "dimensions"),
        ("more = advance(out)", "type.bad-network", "takes a receiving end, not Send[Tile[f32, 2, 4]]"),
        ("more = advance(inp, num)", "type.bad-arguments", "`advance` takes end"),
        ("more = advance(inp=inp)", "type.bad-arguments", "by position"),
        ("which = advance_any(num, num)", "type.bad-arguments", "different ends"),
        ("which = advance_any()", "type.bad-arguments", "different ends"),
        ("send(inp, y)", "type.bad-network", "takes a sending end"),
        ("y[:] = token(one_of(0))", "type.bad-arguments", "a number and receiving ends"),
        ("end = one_of(0, num, num)", "type.bad-arguments", "a number and receiving ends"),
        ("t = token(one_of(0, inp, out))", "type.bad-network", "takes a receiving end, not Send"),
        ("t = token(one_of(0, inp, num))", "type.dtype-mismatch", "either may be received here"),
        ("send(out)", "type.bad-arguments", "`send` takes out, value"),
        ("send(out, 3)", "type.shape-mismatch", "carries Tile[f32, 2, 4], not the integer 3"),
        ("send(out, tile.zeros((2, 3), f32))", "type.shape-mismatch", "(2, 3)"),
        ("send(out, tile.zeros((2, 4), f16))", "type.dtype-mismatch", "carries Tile[f32, 2, 4]"),
        ("send(nums, 0.5)", "type.dtype-mismatch", "`nums` carries Scalar[i32], and a float is sent"),
        ("send(nums, 1 < 2)", "type.dtype-mismatch", "not a Python bool"),
        ("send(nums, tile.zeros((2,), i32))", "type.shape-mismatch", "carries Scalar[i32]"),
        ("send(bufs, y)", "csp.payload", "a parameter, whose memory is the caller's, is sent"),
        ("send(bufs, y[0:4])", "csp.payload", "a tile, a value, is sent"),
        ("y[:] = token(buf)", "type.bad-network", "has no name"),
        ("n = token_size(num, 0)", "type.bad-axis", "axes"),
        ("n = token_size(inp, 2)", "type.bad-axis", "has 2 axes"),
        ("close(inp)", "type.bad-network", "takes a sending end"),
        ("n = occupancy(y)", "type.bad-network", "takes an end of a channel"),
        ("stop_process(1)", "type.bad-arguments", "takes nothing"),
        ("inp = 3", "type.parameter-rebound", "cannot be rebound"),
        ("b = empty((4,), f32)\nb[:] = 0.0\nsend(bufs, b)\ny[:] = b[:]", "type.maybe-undefined", "`b` was sent"),
        (
            "b = empty((4,), f32)\nb[:] = 0.0\nfor k in range(2):\n    send(bufs, b)",
            "type.maybe-undefined", "sent here in every turn of the loop",
        ),
        (
            "b = empty((4,), f32)\nb[:] = 0.0\nif y.shape[0] > 2:\n    send(bufs, b)\ny[:] = b[:]",
            "type.maybe-undefined", "`b` was sent",
        ),
        ("load(inp, out)", "type.bad-network", "no network is open"),
    ],
)  # fmt: skip
def test_what_a_process_may_not_say(tmp_path, body, code, said):
    refused(defined(KERNEL + "".join(f"    {each}\n" for each in body.split("\n")), tmp_path), code, said)


@pytest.mark.parametrize("word", ["more = advance(y)", "close(y)", "stop_process()", "n = occupancy(y)"])
def test_a_kernel_without_ends_is_no_process(tmp_path, word):
    text = f"@kernel\ndef f(y: Out[Tensor[f32, 'N']]) -> None:\n    {word}\n    y[:] = 0.0\n"
    refused(defined(text, tmp_path), "type.bad-network", "outside of a process")


def defined(text, folder, name="f"):
    return STAGES.defined(PROGRAMS.HEAD + text, folder, name)


def refused(definition, code, said):
    program = capture(definition)
    with pytest.raises(Refused) as caught:
        Annotate().apply(InlineHelpers().apply(program))
    found = caught.value.diagnostic
    assert (found.code, said in found.message, bool(found.help)) == (code, True, True), found


def test_a_process_is_no_entry(tmp_path):
    square = defined("", tmp_path, "square")
    with pytest.raises(Refused) as caught:
        htp.plan(square)
    assert caught.value.code == "capture.not-an-entry"
    assert "`square` is a process" in caught.value.diagnostic.message
    with pytest.raises(Refused) as caught:
        square(np.zeros(4, np.float32), np.zeros(4, np.float32))
    assert caught.value.code == "type.bad-network"


def test_python_refuses_words_out_of_place():
    for word in (streams.close_network, lambda: streams.process_name("p"), lambda: streams.channel(i32, ())):
        with pytest.raises(Refused) as caught:
            word()
        assert caught.value.code == "type.bad-network"
    with pytest.raises(Refused) as caught:
        Send[5]
    assert caught.value.code == "type.bad-annotation"


@pytest.mark.parametrize(
    "second", ["empty((4,), f32)", "empty((8, 2), f32)", "empty((8,), i32)", "empty((8,), f32)"]
)
def test_a_name_is_one_buffer(tmp_path, second):
    text = ROUTINE + f"    b = empty((8,), f32)\n    b = {second}\n    y[:] = x[:]\n"
    with pytest.raises(Refused) as caught:
        Annotate().apply(capture(STAGES.defined(text, tmp_path)))
    found = caught.value.diagnostic
    assert (found.code, found.help) == ("type.second-buffer", ("give the second buffer a name of its own",))
    assert found.message.startswith("`b` is a Tensor[f32, 8] already, made in line ")
