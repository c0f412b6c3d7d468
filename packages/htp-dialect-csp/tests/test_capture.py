"""How networks are captured: words, types as names, and Python that kernels do not have."""

import pytest

from htp import In, Refused, Scalar, Send, Tensor, Tile, f32, i32, kernel
from htp.capabilities import DialectUse
from htp.capture import capture, parse_program
from htp.uses import with_uses
from htp_dialect_csp import EOS, Channel, Recv, network, process

Token = Scalar[i32]
Block = Tile[f32, 4, 8]
ROOM = 2


@process
def numbers(outs: tuple[Send[Token], ...]) -> None:
    for out in outs:
        out.send(1)


@process
def blocks(out: Send[Block]) -> None:
    out.close()


@process
def ends(inp: Recv[Token], other: Recv[Token], tiles: Recv[Block]) -> None:
    while (x := inp.recv()) is not EOS:
        if x is other.recv():
            tiles.peek()
    for t in tiles:
        t.sum()


@network
def whole() -> None:
    links = Channel[Token].array(2, capacity=ROOM)
    b = Channel[Block]()
    c = Channel[f32]()
    numbers(links)
    blocks(b)
    ends(*links, b)
    ends(c, c, b)


def test_text_of_a_network():
    program = capture(whole)
    text = program.text()
    assert "from htp import Recv, Scalar, Send, Tile, f32, i32\n" in text
    assert "from htp_dialect_csp import Channel, EOS, network, process\n" in text
    assert "def numbers(outs: tuple[Send[Scalar[i32]], ...]) -> None:" in text
    assert "    while (x := inp.recv()) is not EOS:" in text
    assert "    links = Channel[Scalar[i32]].array(2, capacity=ROOM)" in text
    assert "    b = Channel[Tile[f32, 4, 8]]()" in text
    assert "    c = Channel[f32]()" in text
    assert "    ends(*links, b)" in text
    assert "\nROOM = 2\n" in text
    assert parse_program(text, "stage.py").canonical == program.canonical


def test_the_dialect_is_used_where_its_words_stand():
    uses = with_uses(capture(whole)).uses
    (found,) = [each for each in uses if each == DialectUse("csp")]
    first = whole.python.__code__.co_firstlineno
    assert {first + 2, first + 3, first + 4} <= {each.line for each in found.spans}


@kernel
def identity(x: In[Tensor[f32, 4]]) -> None:
    if x is EOS:
        pass


@kernel
def inline(x: In[Tensor[f32, 4]]) -> None:
    y = (z := x.shape[0]) + 1  # noqa: F841


@kernel
def elements(x: In[Tensor[f32, 4]]) -> None:
    for _ in x:
        pass


@kernel
def named_type(x: In[Tensor[f32, 4]]) -> None:
    y = Block  # noqa: F841


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        (identity, "capture.unsupported-syntax"),
        (inline, "capture.unsupported-syntax"),
        (elements, "capture.unsupported-syntax"),
        (named_type, "capture.unsupported-value"),
    ],
)
def test_kernels_stay_as_they_are(definition, code):
    with pytest.raises(Refused) as caught:
        capture(definition)
    assert caught.value.code == code
    assert caught.value.diagnostic.span.line > definition.python.__code__.co_firstlineno
