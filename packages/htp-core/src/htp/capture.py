"""From live functions, or from a stage's text, to a Program.

Knows how source is found and names are collected; `syntax.py` knows what is accepted.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import linecache
import re
import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from htp._impl.spelling import Resolver
from htp.diagnostics import Refused, Span
from htp.foreign import inactive, kind_declared, kind_recursive
from htp.fresh_names import unused
from htp.language import Definition
from htp.names import RESERVED
from htp.program import CORE_KINDS, Constant, Function, Program, stamp
from htp.syntax import Canonical
from htp.types import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.intrinsics import Intrinsic
    from htp.types import Array, Param

AnyDefinition = Definition[..., object]
ORIGIN = re.compile(r"#\s(\S+):(\d+)\s*$")


def capture(entry: AnyDefinition) -> Program:
    """The program of everything reachable from `entry`, callees first.

    Raises:
        Refused: `capture.*` at the first construct that is not part of the language.
    """
    collected = _Collected()
    collected.add(entry)
    program = collected.program(entry)
    _refuse_taken(program, collected.lent)
    return program


def extended(program: Program, definition: AnyDefinition) -> tuple[Program, str]:
    """The program with a definition and all that it calls, and the name it has there; twice the same adds nothing.

    Raises:
        Refused: `capture.*`.
    """
    alone = capture(definition)
    there = {each.name: each.canonical for each in program.functions}
    values = (*program.constants, *program.slots)
    if all(there.get(each.name) == each.canonical for each in alone.functions) and all(
        each in values for each in (*alone.constants, *alone.slots)
    ):
        return program, alone.entry
    collected = _Collected(program=program)
    name = collected.add(definition)
    more = collected.program(definition)
    _refuse_taken(more, collected.lent)
    functions = (*more.functions, *program.functions)
    return replace(program, functions=functions, constants=more.constants, slots=more.slots), name


def capture_meaning(intrinsic: Intrinsic[..., object]) -> Program:
    """The program of an intrinsic's body as a helper, with every helper it calls; attributes are parameters too.

    Raises:
        Refused: `capture.*`.
    """
    collected = _Collected(defaults=True)
    entry = Definition(intrinsic.python, "func", {})
    collected.add(entry)
    return collected.program(entry)


def _refuse_taken(program: Program, lent: Mapping[str, Span]) -> None:
    """Refuses names of plugins that the program also gives to something of its own."""
    own = {each.name: "a function" for each in program.functions}
    own |= {name: "a constant" for name, _ in program.constants} | {name: "a slot" for name, _ in program.slots}
    for name, place in sorted(lent.items()):
        if name in own:
            raise Refused(
                "capture.name-taken",
                f"`{name}` is {own[name]} of this program, and a name that a plugin lends to it",
                span=place,
                help=f"call the program's own `{name}` something else",
            )


class _Collected:
    """Functions, constants and slots found so far, each under one canonical name.

    With `defaults` a function may give its parameters default values, which do not count. What is found is named apart
    from what `program` has.
    """

    def __init__(self, *, defaults: bool = False, program: Program | None = None) -> None:
        self.defaults = defaults
        self.functions: dict[str, Function] = {}
        self.names: dict[int, str] = {}
        self.open: list[AnyDefinition] = []
        self.taken = _names_in(program) if program is not None else frozenset[str]()
        self.constants: dict[str, Constant] = dict(program.constants) if program is not None else {}
        self.slots: dict[str, Slot[Array]] = dict(program.slots) if program is not None else {}
        self.kept: list[object] = []
        self.lent: dict[str, Span] = {}

    def program(self, entry: AnyDefinition) -> Program:
        return Program(
            entry=self.names[id(entry)],
            functions=tuple(self.functions.values()),
            constants=tuple(self.constants.items()),
            slots=tuple(self.slots.items()),
        )

    @property
    def known(self) -> frozenset[str]:
        """Names that a new function or constant may not have."""
        return self.taken | RESERVED | frozenset(self.names.values())

    def add(self, definition: AnyDefinition) -> str:
        if definition in self.open and not kind_recursive(definition.dialect, definition.kind):
            raise Refused(
                "capture.recursion",
                f"`{definition.name}` calls itself",
                span=definition.place,
                help="write a loop; tile programs have no recursion",
            )
        if (known := self.names.get(id(definition))) is not None:
            return known
        if definition.kind not in CORE_KINDS:
            if not kind_declared(definition.dialect, definition.kind):
                what = f"`@{definition.kind}` of dialect `{definition.dialect}`"
                raise inactive(what, definition.home).at(definition.place)
            self.lent.setdefault(definition.kind, definition.place)
        name = unused(definition.name, {*self.functions, *self.constants, *self.slots, *self.known})
        self.names[id(definition)] = name
        self.kept.append(definition)
        self.open.append(definition)
        tree, file = _source(definition)
        if self.defaults:
            tree.args.kw_defaults = [None for _ in tree.args.kw_defaults]
        self.functions[name] = function_from(
            tree, file, name, definition.kind, definition.params, _Live(self, definition)
        )
        self.open.pop()
        return name


@dataclass
class _Live(Resolver):
    """Names as the live function sees them."""

    collected: _Collected
    definition: AnyDefinition

    def lookup(self, name: str) -> object:
        python = self.definition.python
        cells = dict(zip(python.__code__.co_freevars, python.__closure__ or (), strict=True))
        if name in cells:
            try:
                return cells[name].cell_contents
            except ValueError:
                raise KeyError(name) from None
        if name in python.__globals__:
            return python.__globals__[name]
        return getattr(builtins, name) if hasattr(builtins, name) else _missing(name)

    def visible(self) -> list[str]:
        python = self.definition.python
        return sorted({*python.__code__.co_freevars, *python.__globals__})

    def function(self, value: object) -> str | None:
        return self.collected.add(cast("AnyDefinition", value)) if isinstance(value, Definition) else None

    def constant(self, name: str, value: Constant) -> str:
        known = self.collected.constants
        taken = {*self.collected.functions, *self.collected.slots, *self.collected.known}
        chosen = name
        number = 1
        while chosen in taken or (chosen in known and repr(known[chosen]) != repr(value)):
            number += 1
            chosen = f"{name}_{number}"
        known[chosen] = value
        return chosen

    def slot(self, name: str, value: object) -> str | None:
        if not isinstance(value, Slot):
            return None
        found = cast("Slot[Array]", value)
        for known, slot in self.collected.slots.items():
            if slot is found:
                return known
        if name:
            self.collected.slots[name] = found
        return name or "slot"

    def lend(self, name: str, place: Span) -> None:
        self.collected.lent.setdefault(name, place)


def _names_in(program: Program) -> frozenset[str]:
    """Every name that a program's functions have, take or use."""
    nodes = (node for function in program.functions for each in function.body for node in ast.walk(each))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    params = {param.name for function in program.functions for param in function.params}
    return frozenset({*used, *params, *(each.name for each in program.functions)})


def _missing(name: str) -> object:
    raise KeyError(name)


def _source(definition: AnyDefinition) -> tuple[ast.FunctionDef, str]:
    python = definition.python
    try:
        lines, first = inspect.getsourcelines(python)
    except (OSError, TypeError):
        raise Refused(
            "capture.no-source",
            f"the source of `{definition.name}` cannot be read",
            span=definition.place,
            help="define it in a file (functions made by exec or typed at a prompt have no source)",
        ) from None
    file = inspect.getsourcefile(python) or python.__code__.co_filename
    text = textwrap.dedent("".join(lines))
    shift = len(lines[0]) - len(lines[0].lstrip())
    tree = ast.parse(text).body[0]
    for node in ast.walk(tree):
        if hasattr(node, "lineno"):
            node.lineno += first - 1  # type: ignore[attr-defined]
            node.end_lineno += first - 1  # type: ignore[attr-defined]
            node.col_offset += shift  # type: ignore[attr-defined]
            node.end_col_offset += shift  # type: ignore[attr-defined]
    if not isinstance(tree, ast.FunctionDef):
        raise Refused(
            "capture.unsupported-syntax",
            f"`{definition.name}` is not a plain function",
            span=definition.place,
            help="write `def`, not `async def` or a lambda",
        )
    return tree, file


def function_from(
    tree: ast.FunctionDef, file: str, name: str, kind: str, params: tuple[Param, ...], resolver: Resolver
) -> Function:
    """A Function out of its syntax, with every name spelled canonically and every node's place stamped."""

    def place(node: ast.AST) -> Span:
        line = getattr(node, "lineno", tree.lineno)
        column = getattr(node, "col_offset", 0)
        return Span(
            file=file,
            line=line,
            column=column + 1,
            end_line=getattr(node, "end_lineno", line) or line,
            end_column=(getattr(node, "end_col_offset", column) or column) + 1,
        )

    if given := [each for each in (*tree.args.defaults, *tree.args.kw_defaults) if each is not None]:
        raise Refused(
            "capture.unsupported-syntax",
            f"a parameter of `{tree.name}` has a default value",
            span=place(given[0]),
            help="pass every argument",
        )
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    local = frozenset({*assigned, *(each.name for each in params)})
    statements = list(tree.body)
    doc = ast.get_docstring(tree, clean=True) or ""
    if doc or (statements and isinstance(statements[0], ast.Expr) and _is_text(statements[0].value)):
        statements = statements[1:]
    canonical = Canonical(resolver, place, local, kind)
    body = tuple(stamp(each, canonical_place) for each, canonical_place in _placed(canonical.body(statements)))
    places = {each.arg: place(each) for each in (*tree.args.args, *tree.args.kwonlyargs)}
    spelled = tuple(replace(each, name=canonical.local[each.name], origin=places[each.name]) for each in params)
    return Function(name=name, kind=kind, params=spelled, body=body, origin=place(tree), doc=doc)


def _placed(body: tuple[ast.stmt, ...]) -> list[tuple[ast.stmt, Span]]:
    return [(each, each.origin) for each in body]  # type: ignore[attr-defined]


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


# stage text --------------------------------------------------------------------------------------------------------


@dataclass
class _Module(Resolver):
    """Names as a stage's text binds them: imports from `htp`, its own constants, slots and functions."""

    objects: Mapping[str, object]
    names: Mapping[int, str]

    def lookup(self, name: str) -> object:
        if name in self.objects:
            return self.objects[name]
        return getattr(builtins, name) if hasattr(builtins, name) else _missing(name)

    def visible(self) -> list[str]:
        return sorted(self.objects)

    def function(self, value: object) -> str | None:
        return value.name if isinstance(value, _Named) else None

    def constant(self, name: str, value: Constant) -> str:
        return name

    def slot(self, name: str, value: object) -> str | None:
        return self.names.get(id(cast("object", value)), name) if isinstance(value, Slot) else None

    def lend(self, name: str, place: Span) -> None:
        """The module level binds every name once, so none can be taken twice."""


@dataclass(frozen=True)
class _Named:
    name: str


def parse_program(text: str, file: str) -> Program:
    """The program that a stage's text spells; nothing of the text is executed.

    Raises:
        Refused: `capture.*` when the text is not a stage of HTP.
    """
    from htp.stage_text import read_module

    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        span = Span(file=file, line=error.lineno or 1, column=error.offset or 1)
        raise Refused("capture.syntax-error", str(error.msg), span=span, help="mend the syntax") from None
    except ValueError as error:  # a null byte, on Python 3.11
        place = Span(file=file, line=1)
        raise Refused("capture.syntax-error", str(error), span=place, help="mend the syntax") from None
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = read_module(tree, file)
    objects = {**module.objects, **{name: _Named(name) for name, _ in module.functions}}
    resolver = _Module(objects, {id(value): name for name, value in module.slots.items()})
    functions = [
        function_from(node, file, name, module.kinds[name], module.params[name], resolver)
        for name, node in module.functions
    ]
    return Program(
        entry=module.entry,
        functions=tuple(functions),
        constants=tuple(module.constants.items()),
        slots=tuple(module.slots.items()),
    )
