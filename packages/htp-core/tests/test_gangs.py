"""Networks whose processes run together: their use, and tokens whose sizes are written with them."""

import numpy as np
import pytest

from htp import In, Out, Recv, Refused, Send, Tensor, Tile, f32, kernel, routine
from htp.capabilities import DialectUse
from htp.compilation import captured
from htp.infer.engine import infer
from htp.infer.values import Value
from htp.session import current_session
from htp.streams import advance, channel, close_network, open_network, send, token
from htp.uses import written_uses


@kernel
def load(x: In[Tensor[f32, "n", 8]], out: Send[Tile[f32, "m", 8]]) -> None:
    for i in range(0, x.shape[0], 4):
        send(out, x[i : i + 4, :])


@kernel
def store(inp: Recv[Tile[f32, "m", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    n = y.shape[0]
    for i in range(0, n, 4):
        advance(inp)
        t = token(inp, min(4, n - i), 8)
        y[i : i + 4, :] = t


@kernel
def store_four(inp: Recv[Tile[f32, "m", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    for i in range(0, y.shape[0], 4):
        advance(inp)
        y[i : i + 4, :] = token(inp, 4, 8)


@routine
def gang(x: In[Tensor[f32, "n", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    open_network(together=True)
    a = channel(f32, (4, 8), capacity=2)
    load(x, a)
    store(a, y)
    close_network()


@routine
def wrong(x: In[Tensor[f32, "n", 8]], y: Out[Tensor[f32, "n", 8]]) -> None:
    open_network(together=True)
    a = channel(f32, (4, 8), capacity=2)
    load(x, a)
    store_four(a, y)
    close_network()


def test_a_gang_is_another_use_than_a_network():
    uses = written_uses(captured(gang, current_session(), {}, None))
    assert DialectUse("gangs") in uses
    assert DialectUse("streams") not in uses


def test_its_values_are_those_of_a_network():
    x = np.arange(80, dtype="f4").reshape(10, 8)
    y = np.full_like(x, np.nan)
    gang(x, y)
    np.testing.assert_array_equal(y, x)


def test_sizes_that_are_written_with_a_token_are_known():
    program = captured(gang, current_session(), {}, None)
    known = infer(program, program.function("store"))
    tokens = [each for each in known.types.values() if isinstance(each, Value)]
    assert "min(4, n - i)" in {str(each.dims[0]) for each in tokens}


def test_a_token_of_other_sizes_is_refused():
    x = np.zeros((10, 8), "f4")
    with pytest.raises(Refused) as caught:
        wrong(x, np.empty_like(x))
    assert caught.value.code == "type.shape-mismatch"
    assert "a token of (2, 8) has been taken" in str(caught.value)
