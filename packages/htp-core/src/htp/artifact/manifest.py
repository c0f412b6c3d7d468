"""The records a package is made of: the sealed manifest and the JSON files beside each stage.

Knows the shape of every file; does not know how one is written, verified or read back.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from htp.diagnostics import Span

MANIFEST = "manifest.json"
SCHEMA = "htp.manifest/1"
UNSEALED = ("build", "logs")

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in lower-case hexadecimal")]
Digest = Annotated[str, Meta(pattern="^(sha256:[0-9a-f]{64})?$", description="`sha256:` and hexadecimal, or empty")]
Size = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Index = Annotated[int, Meta(ge=0, le=2**31 - 1)]
StageId = Annotated[
    str,
    Meta(
        pattern="^[0-9]{2,3}(-[A-Za-z0-9_.-]{1,100})?$",
        description="position of the stage in the plan, `00` is the capture; a name may follow",
    ),
]
Extension = Annotated[str, Meta(pattern="^x_[a-z][a-z0-9_]*$")]
Outcome = Literal["enforced", "lowered", "static", "ignored", "rejected"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that reaches a file: immutable, named fields only, unknown fields refused."""


class FileRecord(Record, frozen=True, kw_only=True):
    """One sealed file; `path` is relative to the package, with `/`."""

    path: str
    size: Size
    sha256: Sha256


class StageRecord(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """The program after one step; `digest` is that of `program`, and empty until it is sealed."""

    id: StageId
    pass_: str
    folder: str
    program: str
    state: str
    digest: Digest = ""

    @property
    def number(self) -> str:
        """The position alone: `04` of `04-fuse`."""
        return self.id.partition("-")[0]


class PackageRecord(Record, frozen=True, kw_only=True):
    """An installed distribution that took part, with one digest over its source files."""

    name: str
    version: str
    digest: Digest = ""


class SourceRecord(Record, frozen=True, kw_only=True):
    """A file of the user that was read; `path` is never absolute."""

    path: str
    digest: Digest


class ConstantRecord(Record, frozen=True, kw_only=True):
    """A value captured from the user's module or closure, as Python text."""

    name: str
    value: str


class ParameterRecord(Record, frozen=True, kw_only=True):
    """A parameter as its source text says it: `In[Tensor[f32, "M", 128]]` has direction `in`."""

    name: str
    direction: Literal["in", "out", "inout", "scalar"]
    type: str


class EntryRecord(Record, frozen=True, kw_only=True):
    """A function of the package that can be called."""

    name: str
    kind: str
    parameters: tuple[ParameterRecord, ...] = ()


class DirectiveOutcome(Record, frozen=True, kw_only=True):
    """What became of one schedule directive on this target, and who decided."""

    directive: str
    outcome: Outcome
    by: str = ""
    reason: str = ""
    span: Span | None = None


class EditRecord(Record, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Compilation was resumed at stage `from_` from a program somebody edited by hand."""

    from_: StageId
    digest: Digest
    package: Digest = ""


class VariableRecord(Record, frozen=True, kw_only=True):
    """An environment variable that was read; `value` is `None` when it was not set."""

    name: str
    value: str | None = None


class Contract(Record, frozen=True, kw_only=True):
    """What a binding must understand to build this package, such as `cpu.package` version 1."""

    name: str
    version: Index = 1


class Manifest(Record, frozen=True, kw_only=True):
    """The sealed table of contents of a package.

    `digest` covers the canonical text of the manifest with an empty `digest`; it thereby covers every sealed file.
    `extensions` is written as top-level objects `x_<plugin>`.
    """

    schema: Literal["htp.manifest/1"] = SCHEMA
    entry: str
    target: str
    entries: tuple[EntryRecord, ...] = ()
    architecture: str = ""
    contract: Contract | None = None
    sources: tuple[SourceRecord, ...] = ()
    constants: tuple[ConstantRecord, ...] = ()
    dims: dict[str, int] = {}
    dialects: tuple[str, ...] = ()
    intrinsics: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    packages: tuple[PackageRecord, ...] = ()
    environment: tuple[VariableRecord, ...] = ()
    plan: str = "plan.json"
    stages: tuple[StageRecord, ...] = ()
    directives: tuple[DirectiveOutcome, ...] = ()
    edit: EditRecord | None = None
    files: tuple[FileRecord, ...] = ()
    digest: Digest = ""
    extensions: dict[Extension, dict[str, msgspec.Raw]] = {}


class PlanStep(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A step of the plan and the facts it was chosen for."""

    id: StageId
    pass_: str
    because: tuple[str, ...] = ()
    provider: str = ""
    version: str = ""


class Alternative(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """A pass that was considered and left out."""

    pass_: str
    reason: str


class PlanFile(Record, frozen=True, kw_only=True):
    """`plan.json`: how the goal is reached."""

    schema: Literal["htp.plan/1"] = "htp.plan/1"
    target: str
    goal: tuple[str, ...] = ()
    steps: tuple[PlanStep, ...] = ()
    rejected: tuple[Alternative, ...] = ()


class StepContract(Record, frozen=True, kw_only=True):
    """What a pass promises, as texts of capabilities and uses."""

    requires: tuple[str, ...] = ()
    provides: tuple[str, ...] = ()
    invalidates: tuple[str, ...] = ()
    eliminates: tuple[str, ...] = ()
    introduces: tuple[str, ...] = ()
    may_introduce: tuple[str, ...] = ()


class MatchRecord(Record, frozen=True, kw_only=True):
    """One place where a rule was applied."""

    id: Index
    rule: str
    span: Span | None = None


class TraceLine(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """One line of `ir/pass_trace.jsonl`."""

    step: StageId
    pass_: str
    contract: StepContract = StepContract()
    matches: tuple[MatchRecord, ...] = ()
    facts_before: tuple[str, ...] = ()
    facts_after: tuple[str, ...] = ()
    changed: bool = True


class StageFile(Record, frozen=True, kw_only=True, rename={"pass_": "pass"}):
    """`stage.json`: which step made this stage and what it promised."""

    schema: Literal["htp.stage/1"] = "htp.stage/1"
    id: StageId
    pass_: str
    entry: str
    functions: tuple[str, ...] = ()
    contract: StepContract = StepContract()
    digest: Digest = ""


class UseRecord(Record, frozen=True, kw_only=True):
    """A construct somebody must understand, with the places that brought it in."""

    use: str
    spans: tuple[Span, ...] = ()


class NodeRecord(Record, frozen=True, kw_only=True):
    """A statement of the stage (`line` of its program.py) and the user's place it came from."""

    id: Index
    line: Index
    origin: Span | None = None


class StateFile(Record, frozen=True, kw_only=True):
    """`state.json`: an index over `program.py`, recomputable from the text."""

    schema: Literal["htp.state/1"] = "htp.state/1"
    facts: tuple[str, ...] = ()
    uses: tuple[UseRecord, ...] = ()
    nodes: tuple[NodeRecord, ...] = ()


class AbiParameter(Record, frozen=True, kw_only=True):
    """One argument at the boundary: `shape` and `strides` (in elements) are texts over the named dims."""

    name: str
    index: Index
    direction: Literal["in", "out", "inout", "scalar"]
    dtype: str
    shape: tuple[str, ...] = ()
    strides: tuple[str, ...] = ()


class AbiFunction(Record, frozen=True, kw_only=True):
    """A callable of the package; `dims` are bound from argument shapes, `slots` are hidden scalar arguments."""

    name: str
    symbol: str
    parameters: tuple[AbiParameter, ...] = ()
    dims: tuple[str, ...] = ()
    slots: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


class AbiFile(Record, frozen=True, kw_only=True):
    """`contract/abi.json`: parameters, shapes, strides, dtypes and call order."""

    schema: Literal["htp.abi/1"] = "htp.abi/1"
    entry: str
    contract: Contract | None = None
    functions: tuple[AbiFunction, ...] = ()
