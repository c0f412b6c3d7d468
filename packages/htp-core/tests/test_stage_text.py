"""Stage texts: what is written is read back as the same program, and nothing else is accepted."""

import msgspec
import pytest

import htp
from htp import In, Out, Refused, Scalar, Slot, Tensor, f32, func, i32, kernel, tile
from htp.artifact.manifest import StateFile
from htp.capabilities import Captured, Typed
from htp.capture import capture, parse_program
from htp.compilation import captured
from htp.program import origin_of
from htp.session import current_session, use_session
from htp.stages import Stage, load_stage, portable

SCALE = 0.5
FAR = float("inf")
LIMIT = Slot(i32, 4)


@func
def halved(x, by):
    z = x * by
    return z, z + 1.0


@kernel
def sample(x: In[Tensor[f32, "M", "M // 2"]], y: Out[Tensor[f32, "M", "M // 2"]], k: Scalar[i32]) -> None:
    """A program with everything; "quoted" and \\ escaped."""
    p, q = halved(x, SCALE)
    y[:] = tile.minimum(p, FAR)
    for i in range(x.shape[0] - 1, -1, -1):
        if i % 2 == 0 and k > -3:
            y[i, :] = y[i] - q[i]
        elif i > LIMIT.value:
            y[i, 1:] += 2.0
        else:
            pass
    while k > 0 or k < -5:
        k -= 1
    (n,) = x.T.shape[1:]
    tile.print("rows", n)
    assert n % 1 == 0


def stages():
    program = capture(sample)
    return [program, captured(sample, current_session(), {}), captured(sample, current_session(), {"M": 8})]


@pytest.mark.parametrize("number", range(3))
def test_text_is_read_back_as_the_same_program(number):
    program = stages()[number]
    again = parse_program(program.text(), "program.py")
    assert again.canonical == program.canonical


def test_a_stage_is_loaded_with_its_facts_uses_and_origins(tmp_path):
    session = current_session()
    program = captured(sample, session, {})
    stage = Stage("00-capture", "capture", program, htp.artifact.manifest.StepContract())
    files = stage.files()
    state = msgspec.json.decode(files["ir/stages/00-capture/state.json"], type=StateFile)
    loaded = load_stage(files["ir/stages/00-capture/program.py"].decode(), "program.py", state, session)
    assert loaded == program
    assert loaded.facts == frozenset([Captured()])
    assert [str(each) for each in loaded.uses] == [str(each) for each in program.uses]
    for one, two in zip(loaded.main.body, program.main.body, strict=True):
        assert origin_of(one) == portable(origin_of(two))


HEAD = "from htp import In, Out, Tensor, f32, kernel\n\n\n"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("def f(:\n", "capture.syntax-error"),
        ("", "capture.not-a-stage"),
        ("import os\n", "capture.not-a-stage"),
        ("from os import path\n", "capture.not-a-stage"),
        ("from htp import compile_program\n", "capture.not-a-stage"),
        ("print('hello')\n", "capture.not-a-stage"),
        ("N = open('x')\n", "capture.not-a-stage"),
        ("N = 'text'\n", "capture.not-a-stage"),
        ("N = float('many')\n", "capture.not-a-stage"),
        ("from htp import Slot, i32\n\nN = Slot(i32, 'x')\n", "type.dtype-mismatch"),
        (HEAD + "def f(x: In[Tensor[f32, 4]]):\n    pass\n", "capture.not-a-stage"),
        (HEAD + "@kernel\ndef f(x):\n    pass\n", "capture.not-a-stage"),
        (HEAD + "@kernel\ndef f(x: Tensor[f32, 4]):\n    pass\n", "capture.not-a-stage"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[g32, 4]]):\n    pass\n", "capture.not-a-stage"),
        (HEAD + "@kernel\ndef f(x: In[f32[4]]):\n    pass\n", "capture.not-a-stage"),
        (HEAD + "@kernel\ndef f(x: In[4]):\n    pass\n", "type.bad-annotation"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[f32, 'M +']]):\n    pass\n", "type.bad-dimension"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[f32, 4]]):\n    exit()\n", "capture.unsupported-call"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[f32, 4]]):\n    y = x.__class__\n", "capture.unsupported-syntax"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[f32, 4]]):\n    y = f32.mro()\n", "capture.unsupported-call"),
        (HEAD + "@kernel\ndef f(x: In[Tensor[f32, 4]]):\n    y = __import__('os')\n", "capture.unsupported-call"),
        ("\0", "capture.syntax-error"),
    ],
)
def test_what_is_no_stage_is_refused_and_never_run(text, code):
    with pytest.raises(Refused) as caught:
        parse_program(text, "program.py")
    assert caught.value.code == code


FACET = '''
from dataclasses import dataclass

from htp import strided
from htp.strides import Strided


@dataclass(frozen=True)
class Panels(Strided):
    KIND = "pack"
    rows: int = 1


@dataclass(frozen=True)
class Private:
    rows: int = 1


@hookimpl
def htp_layouts():
    return (Panels,)
'''


def test_a_stage_imports_a_plugins_facet_and_reads_back_equal(site):
    site.add("pack", FACET)
    with use_session(site.session()) as session:
        _ = session.facets
        from made_pack import Panels

        def double(x: In[Tensor[f32, "M", "N", Panels(rows=4)]], y: Out[Tensor[f32, "M", "N"]]) -> None:
            y[:, :] = 2.0 * x

        double.__annotations__ = {
            "x": In[Tensor[f32, "M", "N", Panels(rows=4)]], "y": Out[Tensor[f32, "M", "N"]], "return": None,
        }  # fmt: skip
        program = capture(kernel(double))
        text = program.text()
        assert "\nfrom made_pack import Panels\n" in text
        again = parse_program(text, "program.py")
        assert again.canonical == program.canonical
        assert again.main.params[0].type == program.main.params[0].type
        exec(compile(text, "program.py", "exec"), {"__name__": "stage"})
        with pytest.raises(Refused) as caught:
            parse_program(text.replace("import Panels", "import Panels, Private"), "program.py")
        assert caught.value.code == "capture.inactive-plugin"


MAKERS = '''
from dataclasses import dataclass

from htp.strides import Strided


@dataclass(frozen=True)
class Held(Strided):
    KIND = "held"
    MAKERS = ("near", "far")
    where: str = "near"

    def __repr__(self):
        return f"{self.where}()"


def near():
    return Held(where="near")


def far():
    return Held(where="far")


@hookimpl
def htp_layouts():
    return (Held,)
'''

HELD = '''\
from htp import In, Out, Tensor, Tile, kernel, f32
from made_held import far, near


@kernel
def double(x: In[Tensor[f32, "M", 8, far()]], y: Out[Tensor[f32, "M", 8]]) -> None:
    t: Tile[f32, "M", 8, near()] = 2.0 * x
    y[:, :] = t


if __name__ == "__main__":
    from htp import run_stage

    run_stage(double)
'''


def test_functions_beside_a_facet_spell_it_in_signatures_and_bodies(site):
    site.add("held", MAKERS)
    with use_session(site.session()) as session:
        _ = session.facets
        program = parse_program(HELD, "program.py")
        assert program.main.params[0].type.facets[0].where == "far"
        assert [line.split("  #")[0].rstrip() for line in program.text().splitlines()] == HELD.splitlines()
        Typed().verify(program)
        with pytest.raises(Refused) as caught:
            parse_program(HELD.replace("import far, near", "import far, near, Held"), "program.py")
        assert caught.value.code == "capture.inactive-plugin"
        with pytest.raises(Refused) as caught:
            Typed().verify(parse_program(HELD.replace("8, near()", "8, 8, near()"), "program.py"))
        assert "is Tile" in caught.value.diagnostic.message
