"""Names that plugins lend to programs: sets of intrinsics, and the words and kinds of function of dialects.

Knows where each name is imported from and who owns it; does not know what it means.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from htp._impl.contributions import module_of
from htp.catalogue import distribution_of_module, install_hint
from htp.declarations import IntrinsicSet
from htp.diagnostics import Refused
from htp.names import RESERVED
from htp.program import CORE_KINDS
from htp.session import current_session
from htp.types import TensorType, TileType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from htp.intrinsics import Intrinsic
    from htp.plugins import Plugin
    from htp.program import Function, Program
    from htp.session import Session

__all__ = [
    "Foreign",
    "construct_allowed",
    "dialect_of",
    "directive_called",
    "facet_maker",
    "facets_of",
    "foreign_name",
    "foreign_names",
    "foreign_of",
    "inactive",
    "intrinsic_called",
    "intrinsic_named",
    "intrinsics_of",
    "kind_declared",
    "kind_recursive",
    "lent_by_inactive",
    "outside",
    "spelling",
]


@dataclass(frozen=True)
class Foreign:
    """A name in programs that a plugin owns: `from module import name`, or `import name` where there is no package.

    `owner` is the dialect, the set of intrinsics that the name stands for, or the dispatch policy.
    """

    name: str
    module: str
    owner: str
    what: Literal["intrinsics", "word", "kind", "policy"]


def foreign_names(session: Session) -> Mapping[str, Foreign]:
    """Every name that active plugins lend; the plugin manager sees to it that no two are alike."""
    found: dict[str, Foreign] = {}
    for each in session.intrinsics.values():
        if isinstance(each, IntrinsicSet):
            found[each.name] = Foreign(each.name, each.module.rpartition(".")[0], each.name, "intrinsics")
    for each in session.dialects.values():
        found |= {name: Foreign(name, each.modules[0], each.name, "word") for name in each.names}
        found |= {name: Foreign(name, each.modules[0], each.name, "kind") for name in each.kinds}
    for name, each in session.policies.items():
        if module := module_of(each):
            found[name] = Foreign(name, module, name, "policy")
    return MappingProxyType(found)


def foreign_name(name: str) -> Foreign | None:
    """Who owns a name that is neither the program's nor core's."""
    return None if name in RESERVED else current_session().foreign.get(name)


def intrinsic_named(name: str) -> Intrinsic[..., object] | None:
    """The intrinsic `foo.rowmax` of an active plugin.

    Raises:
        Refused: `plugin.import-failed` or `plugin.bad-item` when its module does not hold what it declares.
    """
    owner, _, function = name.rpartition(".")
    declared = current_session().intrinsics.get(owner)
    return declared.load(function) if isinstance(declared, IntrinsicSet) and function in declared.intrinsics else None


def directive_called(node: ast.Call) -> str | None:
    """The directive that a call in a program may be of: `prefer.swizzle` for `scheduled.prefer.swizzle(…)`."""
    path: list[str] = []
    root: ast.AST = node.func
    while isinstance(root, ast.Attribute):
        path.insert(0, root.attr)
        root = root.value
    known = foreign_name(root.id) if isinstance(root, ast.Name) and path else None
    dialect = current_session().dialects.get(known.owner) if known is not None and known.what == "word" else None
    return ".".join(path) if dialect is not None and known is not None and known.name == dialect.directives else None


def intrinsic_called(node: ast.AST) -> str | None:
    """The qualified name of the intrinsic that a call in a program may be of; `tile` is no set."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=function)) if owner != "tile":
            return f"{owner}.{function}"
        case _:
            return None


def outside(program: Program, function: Function) -> Iterator[ast.Name]:
    """The names in a function's body that neither it, nor the program, nor core defines."""
    nodes = [node for each in function.body for node in ast.walk(each) if isinstance(node, ast.Name)]
    known = {each.name for each in function.params} | {each.id for each in nodes if isinstance(each.ctx, ast.Store)}
    known |= {each.name for each in program.functions} | {name for name, _ in (*program.constants, *program.slots)}
    return (each for each in nodes if each.id not in known and each.id not in RESERVED)


def foreign_of(program: Program) -> tuple[Foreign, ...]:
    """The names of plugins that a program uses, in order."""
    names = {each.id for function in program.functions for each in outside(program, function)}
    names |= {each.kind for each in program.functions if each.kind not in CORE_KINDS}
    found = (foreign_name(each) for each in sorted(names))
    return tuple(each for each in found if each is not None)


def facets_of(program: Program) -> tuple[tuple[str, str], ...]:
    """Module and name of everything of plugins that spells layout facets in signatures and bodies, in order."""
    types = (param.type for function in program.functions for param in function.params)
    facets = (each for type_ in types if isinstance(type_, TensorType | TileType) for each in type_.facets)
    found = {(type(each).__module__, _spelled(each)) for each in facets if not _is_core(type(each))}
    kinds = [each for each in current_session().facets.values() if not _is_core(each)]
    makers = {name: each.__module__ for each in kinds for name in _makers(each)}
    found |= {(makers[name], name) for name in _called_in_annotations(program) if name in makers}
    return tuple(sorted(found, key=lambda each: each[1]))


def _called_in_annotations(program: Program) -> set[str]:
    nodes = (node for function in program.functions for each in function.body for node in ast.walk(each))
    written = (node.annotation for node in nodes if isinstance(node, ast.AnnAssign))
    calls = (node for each in written for node in ast.walk(each) if isinstance(node, ast.Call))
    return {each.func.id for each in calls if isinstance(each.func, ast.Name)}


def _makers(facet: type) -> tuple[str, ...]:
    """The names that spell facets of a kind: of functions beside the class that it names, else its own."""
    return getattr(facet, "MAKERS", (facet.__name__,))


def _spelled(facet: object) -> str:
    """The name that a facet is written with."""
    name = repr(facet).partition("(")[0]
    return name if name in _makers(type(facet)) else type(facet).__name__


def facet_maker(module: str, name: str) -> str | None:
    """Where to import what spells layout facets of an active plugin under a name of a module."""
    kinds = current_session().facets.values()
    known = any(each.__module__ == module and name in _makers(each) for each in kinds)
    return f"{module}:{name}" if known else None


def _is_core(facet: type) -> bool:
    return facet.__module__.partition(".")[0] == "htp"


def spelling(value: object) -> str | None:
    """How programs spell an intrinsic or a word of a dialect; `None` for any other object.

    Raises:
        Refused: `capture.inactive-plugin` for an intrinsic that no active plugin declares.
    """
    from htp.intrinsics import Intrinsic

    session = current_session()
    if isinstance(value, Intrinsic):
        declared = session.intrinsics.get(value.name.rpartition(".")[0])
        names = declared.qualified if isinstance(declared, IntrinsicSet) and declared.module == value.module else ()
        if value.name not in names:
            raise inactive(f"the intrinsic `{value.name}`", value.module)
        return value.name
    name: object = value.name if isinstance(value, Enum) else getattr(value, "__name__", None)
    named = isinstance(name, str) and (callable(value) or isinstance(value, Enum))
    word = session.foreign.get(name) if isinstance(name, str) and named else None
    if word is None or word.what not in ("word", "policy"):
        return None
    return word.name if getattr(sys.modules.get(word.module), word.name, None) is value else None


def intrinsics_of(module: object) -> tuple[str, ...]:
    """The names of the intrinsics that a module holds as a set of an active plugin."""
    name: object = getattr(module, "__name__", None)
    sets = (each for each in current_session().intrinsics.values() if isinstance(each, IntrinsicSet))
    return next((each.intrinsics for each in sets if each.module == name), ())


def lent_by_inactive(module: str) -> bool:
    """Whether a module belongs to a plugin that is not in force."""
    package = module.partition(".")[0]
    return any(_package(each) == package and each.state != "active" for each in current_session().plugins)


def _package(plugin: Plugin) -> str:
    return plugin.found.value.partition(".")[0]


def inactive(what: str, module: str) -> Refused:
    """The refusal of something from `module`, which no plugin in force declares."""
    package = module.partition(".")[0]
    for plugin in current_session().plugins:
        if _package(plugin) != package:
            continue
        why = {
            "quarantined": f"plugin `{plugin.name}` is in quarantine",
            "disabled": f"plugin `{plugin.name}` is disabled by HTP_DISABLE_PLUGINS",
            "active": f"plugin `{plugin.name}` does not declare it",
        }[plugin.state]
        problem = plugin.problem
        help = {
            "quarantined": problem.help if problem is not None else (),
            "disabled": (f"take `{plugin.name}` out of HTP_DISABLE_PLUGINS",),
            "active": (f"name it in what `{plugin.found.value}` contributes",),
        }[plugin.state]
        notes = (f"{problem.message} ({problem.code})",) if problem is not None else ()
        return Refused("capture.inactive-plugin", f"{what} cannot be used: {why}", notes=notes, help=help)
    distribution = distribution_of_module(module)
    return Refused(
        "capture.inactive-plugin",
        f"{what} cannot be used: no installed plugin declares it",
        help=install_hint(distribution) if distribution else f"install the package that `{package}` is imported from",
    )


def dialect_of(kind: str) -> str | None:
    """The dialect that a kind of function belongs to."""
    if kind in CORE_KINDS:
        return "host" if kind == "routine" else "tile"
    known = foreign_name(kind)
    return known.owner if known is not None and known.what == "kind" else None


def construct_allowed(kind: str, construct: str) -> bool:
    """Whether functions of a kind may contain a construct that core does not have, named as in `ast`."""
    dialect = dialect_of(kind)
    found = current_session().dialects.get(dialect) if dialect is not None else None
    return found is not None and construct in found.constructs


def kind_recursive(dialect: str, kind: str) -> bool:
    """Whether functions of this kind of an active dialect may name themselves."""
    found = current_session().dialects.get(dialect)
    return found is not None and kind in found.recursive


def kind_declared(dialect: str, kind: str) -> bool:
    """Whether an active plugin has the dialect, with this kind of function."""
    found = current_session().dialects.get(dialect)
    return found is not None and kind in found.kinds
