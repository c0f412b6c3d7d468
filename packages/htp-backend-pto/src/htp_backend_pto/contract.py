"""The files of a package for pto-runtime: what to build and call, the predicted graph, and where lines come from.

Knows the records of the contract `pto.package/1`; does not know how anything is printed or run.
"""

from collections.abc import Sequence
from typing import Literal

from htp.artifact.manifest import AbiFile, AbiFunction, AbiParameter, Contract, Record
from htp.diagnostics import Bug
from htp.program import Program
from htp.types import Param, ScalarType
from htp_backend_pto.profile import Core, Runtime

__all__ = [
    "CONTRACT",
    "CallSite",
    "CheckRecord",
    "Edge",
    "Graph",
    "KernelRecord",
    "KernelScalar",
    "KernelTensor",
    "MappedFile",
    "MappedLine",
    "Memory",
    "Package",
    "Parameter",
    "SiteArray",
    "SlotRecord",
    "SourceMap",
    "Task",
    "Versions",
    "abi_file",
    "parameters",
]

CONTRACT: Literal["pto.package/1"] = "pto.package/1"
Direction = Literal["in", "out", "inout"]
Tag = Literal["INPUT", "OUTPUT", "INOUT", "OUTPUT_EXISTING", "NO_DEP"]
"""How a task names an argument to the runtime; `OUTPUT` is a new tensor, and of `NO_DEP` it keeps nothing."""


class KernelTensor(Record, frozen=True, kw_only=True):
    """An array that a kernel takes; `dims` are texts over the sizes that it reads from its tensors."""

    name: str
    direction: Direction
    dtype: str
    dims: tuple[int | str, ...] = ()


class KernelScalar(Record, frozen=True, kw_only=True):
    """A number that a kernel takes, as the bits of `bits_of`."""

    name: str
    dtype: str
    bits_of: str


class KernelRecord(Record, frozen=True, kw_only=True):
    """A kernel: the number by which tasks name it, its file, and its arguments, tensors before scalars.

    One for both units has a file that is compiled twice; its vector part has the number behind.
    """

    number: int
    name: str
    core: Core
    file: str
    symbol: str
    tensors: tuple[KernelTensor, ...] = ()
    scalars: tuple[KernelScalar, ...] = ()

    @property
    def parts(self) -> tuple[tuple[int, Literal["aic", "aiv"]], ...]:
        """What is built of the file: the numbers by which tasks name the results, and the core of each."""
        if self.core == "mix":
            return (self.number, "aic"), (self.number + 1, "aiv")
        return ((self.number, self.core),)


class Parameter(Record, frozen=True, kw_only=True):
    """A parameter of the entry; arrays are contiguous, row after row; a scalar has no dims."""

    name: str
    direction: Literal["in", "out", "inout", "scalar"]
    dtype: str
    dims: tuple[int | str, ...] = ()


class SlotRecord(Record, frozen=True, kw_only=True):
    """A value that may change between runs, with the one it had when the package was made."""

    name: str
    dtype: str
    value: int | float | bool


class CheckRecord(Record, frozen=True, kw_only=True):
    """What is checked while the graph is built: an index or an assertion, the user's place, its code, what helps."""

    what: Literal["index", "assertion"]
    text: str
    place: str
    code: str
    help: str = ""


class Memory(Record, frozen=True, kw_only=True):
    """The bytes of a tile on the chip, and the first and last line of the kernel's file that names it.

    `address` is a number, or an expression over loop variables for a tile that changes places.
    """

    kernel: str
    tile: str
    space: str
    address: int | str
    bytes: int
    first: int
    last: int


class Versions(Record, frozen=True, kw_only=True):
    """What the sources were written for: the profile of spellings, and the commits that it was tried with."""

    profile: str
    runtime: str
    isa: str


class Package(Record, frozen=True, kw_only=True):
    """`contract/pto.json`: all that a binding has to know; arguments are `parameters`, arrays first, then slots.

    `runtimes` are those the program can run on, and `why` says what the others lack. `window` is the task window that
    the schedule asks for, 0 for the usual one; a scope holds at most `scope` tasks at a time.
    """

    schema: Literal["pto.package/1"] = CONTRACT
    entry: str
    variant: str
    versions: Versions
    orchestration: str
    entry_symbol: str
    config_symbol: str
    kernels: tuple[KernelRecord, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    dims: tuple[str, ...] = ()
    slots: tuple[SlotRecord, ...] = ()
    checks: tuple[CheckRecord, ...] = ()
    runtimes: tuple[Runtime, ...] = ()
    why: str = ""
    window: int = 0
    scope: int = 0
    memory: tuple[Memory, ...] = ()


class SiteArray(Record, frozen=True, kw_only=True):
    """An array argument of a call: which part of which array, its tag, and who keeps the order of its accesses.

    `runtime`: whatever order is needed the runtime finds; `package`: the orchestration follows the array and tells
    the runtime what it does not find.
    """

    parameter: str
    array: str
    part: str
    tag: Tag
    order: Literal["runtime", "package"]


class CallSite(Record, frozen=True, kw_only=True):
    """A call of a kernel in the orchestration; every time it is reached it submits one task."""

    number: int
    kernel: str
    place: str
    text: str
    arrays: tuple[SiteArray, ...] = ()


class Task(Record, frozen=True, kw_only=True):
    """A task of the predicted graph: the call it comes from, and the values of the loops around that.

    With `when` the runtime skips the kernel where that does not hold; who waits for the task waits all the same. The
    kernel runs once for each of the `blocks`, on as many cores as there are for them.
    """

    number: int
    kernel: str
    call: int
    at: tuple[int, ...] = ()
    when: str = ""
    blocks: int = 1


class Edge(Record, frozen=True, kw_only=True):
    """`target` waits for `source`.

    `found` says who says so: the runtime, because one task allocates what the other uses (`creator`) or because one
    writes what the other uses (`tensormap`), or the package (`explicit`). `why` says what the source does, or the kinds
    of dependences and the arrays that the package tells of.
    """

    source: int
    target: int
    found: Literal["creator", "tensormap", "explicit"]
    why: str


class Graph(Record, frozen=True, kw_only=True):
    """`contract/graph.json`: the calls, and where all sizes are known the tasks of a run and what orders them.

    `exact` says that these are the tasks and edges of every run.
    """

    schema: Literal["pto.graph/1"] = "pto.graph/1"
    entry: str
    exact: bool
    calls: tuple[CallSite, ...] = ()
    tasks: tuple[Task, ...] = ()
    edges: tuple[Edge, ...] = ()
    note: str = ""


class MappedLine(Record, frozen=True, kw_only=True):
    """An emitted line and the user's place it comes from."""

    line: int
    place: str


class MappedFile(Record, frozen=True, kw_only=True):
    """The lines of one emitted file that come from the user."""

    file: str
    lines: tuple[MappedLine, ...]


class SourceMap(Record, frozen=True, kw_only=True):
    """`contract/source_map.json`: which line of the user every emitted line comes from."""

    schema: Literal["pto.source-map/1"] = "pto.source-map/1"
    files: tuple[MappedFile, ...]


def parameters(params: Sequence[Param]) -> tuple[Parameter, ...]:
    """The parameters of an entry."""
    return tuple(_parameter(each) for each in params)


def _parameter(param: Param) -> Parameter:
    if param.type is None:
        raise Bug(f"parameter {param.name} of the entry has no type")
    dims = () if isinstance(param.type, ScalarType) else param.type.dims
    return Parameter(
        name=param.name,
        direction=param.passing,
        dtype=param.type.dtype.name,
        dims=tuple(str(each) if each.constant is None else each.constant for each in dims),
    )


def abi_file(package: Package, program: Program) -> AbiFile:
    """The entry as every backend writes it; it is called with the arrays of a task argument list."""
    function = AbiFunction(
        name=package.entry,
        symbol=package.entry_symbol,
        parameters=tuple(_boundary(index, each) for index, each in enumerate(package.parameters)),
        dims=package.dims,
        slots=tuple(each.name for each in package.slots),
        calls=tuple(each.name for each in program.functions if each.name != program.entry),
    )
    return AbiFile(entry=package.entry, contract=Contract(name="pto.package", version=1), functions=(function,))


def _boundary(index: int, param: Parameter) -> AbiParameter:
    strides: list[str] = []
    inner = "1"
    for dim in reversed(param.dims):
        strides.insert(0, inner)
        text = str(dim) if str(dim).isalnum() else f"({dim})"
        inner = text if inner == "1" else f"{text} * {inner}"
    return AbiParameter(
        name=param.name,
        index=index,
        direction=param.direction,
        dtype=param.dtype,
        shape=tuple(str(each) for each in param.dims),
        strides=tuple(strides),
    )
