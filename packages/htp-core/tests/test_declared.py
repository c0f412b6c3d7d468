"""Networks as they are declared: read from the text of a stage, with names, payloads, numbers, ends and places."""

from htp.views.declared import DeclaredChannel, DeclaredNetwork, DeclaredProcess, networks_in

TEXT = '''# 03-lower of `f`: python program.py --seed 1

from htp import *


@kernel
def feed(n: Scalar[i32], out: Send[Scalar[i32]], more: Send[Tile[f32, "r", 64]]) -> None:
    send(out, n)


@kernel
def take(inp: Recv[Scalar[i32]], tiles: Recv[Tile[f32, "r", 64]], y: Out[Tensor[f32, "N"]]) -> None:
    while advance(inp):
        pass


@kernel
def pass_on(inp: Recv[Tensor[f32, 8]], out: Send[Tensor[f32, 8]]) -> None:
    while advance(inp):
        send(out, token(inp))


@routine
def f(y: Out[Tensor[f32, "N"]]) -> None:
    n = y.shape[0]
    feed_alone = 1
    open_network()                                                # user.py:20
    a = channel(i32, (), capacity=4, latency=1)                   # user.py:21
    b = channel(f32, (n, 64), capacity=n * 2, response=3, name="tiles")
    process_name('feed0')                                         # user.py:22
    feed(3, a, b)
    take(a, tiles=b, y=y)                                         # user.py:23
    close_network()                                               # user.py:20
    take(a, b, y)


@routine
def g(y: Out[Tensor[f32, "N"]]) -> None:
    open_network()
    ring = channel(f32, (8,), capacity=1, initial=(y, y), region=True)
    if n > 3:
        pass_on(ring, ring)                                       # user.py:40
    pass_on(ring, 0)
    close_network()


@routine
def plain(y: Out[Tensor[f32, "N"]]) -> None:
    y[:] = 0.0
'''


def test_everything_that_is_written_is_read():
    f, g = networks_in(TEXT)
    assert f == DeclaredNetwork(
        "f",
        (DeclaredProcess("feed0", "feed", "user.py:22"), DeclaredProcess("take", "take", "user.py:23")),
        (
            DeclaredChannel("a", "Scalar[i32]", "4", "1", "0", 0, "feed0", "take"),
            DeclaredChannel("tiles", "Tile[f32, n, 64]", "n * 2", "0", "3", 0, "feed0", "take"),
        ),
    )
    assert g == DeclaredNetwork(
        "g",
        (DeclaredProcess("pass_on", "pass_on", "user.py:40"), DeclaredProcess("pass_on_2", "pass_on", "user.py:40")),
        (DeclaredChannel("ring", "Tensor[f32, 8]", "1", "0", "0", 2, "pass_on", "pass_on_2"),),
    )


def test_a_program_without_networks_declares_none():
    assert networks_in("def f(x):\n    return x\n") == ()
