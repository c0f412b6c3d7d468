"""Routines given as text, over three kernels that are lowered once, as packages that run on the stand-in.

Knows how a routine becomes a package without the passes before; the routines are in the tests.
"""

import functools
import textwrap

import htp
from htp import In, InOut, Out, Tensor, f32, kernel, routine
from htp.artifact import Manifest, publish_package
from htp.artifact.manifest import Contract
from htp.capture import parse_program
from htp_backend_pto.binding.build import build
from htp_backend_pto.binding.reports import all_places
from htp_backend_pto.binding.standin import Standin
from htp_backend_pto.contract import Graph, Package, SourceMap
from htp_backend_pto.emission.emit import package_files
from htp_backend_pto.emission.kernels import kernel_source
from htp_backend_pto.profile import CURRENT


@kernel
def copy(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    """`y = x`, in tiles of 16 x 32."""
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 32):
            y[i : i + 16, j : j + 32] = x[i : i + 16, j : j + 32]


@kernel
def double(x: In[Tensor[f32, "m", "n"]], y: Out[Tensor[f32, "m", "n"]]) -> None:
    """`y = 2 x`."""
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 32):
            y[i : i + 16, j : j + 32] = x[i : i + 16, j : j + 32] * 2.0


@kernel
def add(x: In[Tensor[f32, "m", "n"]], y: InOut[Tensor[f32, "m", "n"]]) -> None:
    """`y += x`."""
    for i in range(0, x.shape[0], 16):
        for j in range(0, x.shape[1], 32):
            y[i : i + 16, j : j + 32] = y[i : i + 16, j : j + 32] + x[i : i + 16, j : j + 32]


@routine
def every(a: In[Tensor[f32, "M", "N"]], b: Out[Tensor[f32, "M", "N"]], c: Out[Tensor[f32, "M", "N"]]) -> None:
    """Calls all three."""
    copy(a, b)
    double(a, c)
    add(a, c)


@functools.cache
def lowered(folder):
    """The text of the kernels as they are emitted from."""
    package = htp.compile_program(every, target="pto:a2a3sim", out=f"{folder}/every")
    text = package.read(package.stages[-1].program).decode()
    return text[: text.index("@routine")], text[: text.index("@kernel")]


def program_of(text, folder):
    """The program of the routine `text` with the lowered kernels."""
    kernels, head = lowered(folder)
    del head
    extra = "from htp import InOut, Scalar, empty, i32, i64\nfrom htp.loops import require\n"
    extra += "from htp.tasks import barrier, close_tasks, open_tasks, task, wait_for\n"
    lines = kernels.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith(("from htp import", "import")))
    return parse_program("\n".join([*lines[:first], extra, *lines[first:], textwrap.dedent(text)]), "user.py")


def emitted(text, folder):
    """The program and what is emitted for it."""
    program = program_of(text, folder)
    kernels = [kernel_source(each, program, CURRENT) for each in program.functions if each.kind == "kernel"]
    return program, package_files(program, kernels, "a2a3sim", CURRENT)


def published(text, folder, name="package"):
    """The package of a routine."""
    program, emission = emitted(text, folder)
    written = {**dict(emission.files), **dict(emission.contract_files)}
    manifest = Manifest(entry=program.entry, target="pto:a2a3sim", contract=Contract(name="pto.package", version=1))
    return program, publish_package(f"{folder}/{name}", written, manifest)


def loaded(package, runtime="tensormap_and_ringbuffer"):
    """The package on the stand-in."""
    contract = package.record("contract/pto.json", Package)
    graph = package.record("contract/graph.json", Graph)
    mapped = package.record("contract/source_map.json", SourceMap)
    places = all_places(package.path, contract, graph, mapped)
    return Standin(contract, places, build(package, contract, CURRENT), "pto:a2a3sim", runtime)
