"""What may come through each contribution hook: types of items and of their fields, names, and that nothing can change.

Knows types and names; does not know plugins.
"""

from __future__ import annotations

import ast
import dataclasses
import enum
import functools
import keyword
import re
from typing import TYPE_CHECKING, cast

import msgspec

from htp.capabilities import Capability, Use
from htp.declarations import (
    Backend,
    Binding,
    CodeFile,
    Conversion,
    Demo,
    Dialect,
    HandlerSet,
    IntrinsicSet,
    Lazy,
    Variant,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from htp.passes import Pass

_TYPES: dict[str, tuple[type, ...]] = {
    "htp_dialects": (Dialect,),
    "htp_intrinsics": (IntrinsicSet,),
    "htp_handlers": (HandlerSet,),
    "htp_layout_conversions": (Conversion,),
    "htp_targets": (Variant,),
    "htp_backends": (Backend,),
    "htp_bindings": (Binding,),
    "htp_diagnostics": (CodeFile,),
    "htp_demos": (Demo,),
}
_SLUG = re.compile(r"[a-z][a-z0-9]*([-._][a-z0-9]+)*")
_PLAIN_NAMES = frozenset((
    "htp_dialects", "htp_intrinsics", "htp_backends", "htp_bindings", "htp_diagnostics", "htp_demos",
))  # fmt: skip
_FACET_NAMES = (
    "KIND", "VERSION", "ROLES", "check", "coords", "canonical", "equivalent", "join", "requirements", "to_data",
    "from_data",
)  # fmt: skip


def item_problem(hook: str, item: object) -> str | None:
    """Why `item` may not come through `hook`, or `None`."""
    if hook == "htp_capabilities":
        return _capability_problem(item)
    if hook == "htp_layouts":
        return _facet_problem(item)
    if hook == "htp_passes":
        return _pass_problem(item)
    expected = _TYPES.get(hook)
    if expected is not None and not isinstance(item, expected):
        return f"returned {item!r}, which is no {' or '.join(each.__name__ for each in expected)}"
    name = identity(hook, item)
    if not name:
        return f"returned {item!r}, which has no name"
    if hook in _PLAIN_NAMES and not _SLUG.fullmatch(name):
        return f"returned the name `{name}`; names are lower-case words"
    problem = next(_field_problems(item), None) or next(_changeable(item, ""), None)
    return f"returned {type(item).__name__} `{name}`, whose {problem}" if problem else _names_problem(hook, name, item)


def module_of(policy: object) -> str:
    """The module that programs import a dispatch policy from; empty when it says none."""
    module: object = getattr(policy, "module", "")
    return module if isinstance(module, str) else ""


def identity(hook: str, item: object) -> str:
    """The name under which an item is unique among all that come through `hook`."""
    if isinstance(item, type):
        return str(getattr(item, "KIND", "") or getattr(item, "tag", "") or item.__name__)
    if isinstance(item, Lazy):
        return item.path
    if isinstance(item, Variant):
        return f"{item.backend}:{item.name}"
    name: object = getattr(item, "name", "")
    return name if isinstance(name, str) else ""


def _pass_problem(item: object) -> str | None:
    if isinstance(item, Lazy):
        return None
    from htp.passes import Pass  # here, since nearly all passes are named with `Lazy`

    if not isinstance(item, Pass):
        return f"returned {item!r}, which is no Pass or Lazy"
    if not _SLUG.fullmatch(item.name):
        return f"returned the name `{item.name}`; names are lower-case words"
    problem = _contract_problem(item) or next(_changeable(item, ""), None)
    return f"returned {type(item).__name__} `{item.name}`, whose {problem}" if problem else None


def _capability_problem(item: object) -> str | None:
    if not (isinstance(item, type) and issubclass(item, (Capability, Use))):
        return f"returned {item!r}, which is no class of facts or uses"
    frozen = getattr(getattr(item, "__dataclass_params__", None), "frozen", False)
    return None if frozen else f"returned `{item.__name__}`, which is not a frozen dataclass"


def _facet_problem(item: object) -> str | None:
    if not isinstance(item, type):
        return f"returned {item!r}, which is no class of layout facets"
    lacking = [name for name in _FACET_NAMES if not hasattr(item, name)]
    return f"returned `{item.__name__}`, which lacks `{lacking[0]}` of a layout facet" if lacking else None


def _names_problem(hook: str, name: str, item: object) -> str | None:
    """What is wrong with names inside an item that programs or other plugins use."""
    spelled: tuple[str, ...] = ()
    if isinstance(item, Variant) and not item.backend:
        return f"returned variant `{item.name}`, which does not say to which backend it belongs"
    if isinstance(item, Dialect):
        spelled = (*item.names, *item.kinds)
        if spelled and not item.modules:
            return f"returned dialect `{item.name}`, which names no module that `{spelled[0]}` is imported from"
        if item.directives and item.directives not in item.names:
            return f"returned dialect `{item.name}`, whose word of directives `{item.directives}` is not in its `names`"
    if hook == "htp_policies":
        spelled = (name, *module.split(".")) if (module := module_of(item)) else ()
    if isinstance(item, IntrinsicSet):
        spelled = (item.name, *item.intrinsics)
        if item.module.rpartition(".")[2] != item.name:
            return f"returned intrinsic set `{item.name}`, which is not the last part of its module `{item.module}`"
    if isinstance(item, HandlerSet) and (plain := [each for each in item.intrinsics if "." not in each]):
        return f"returned a handler of `{plain[0]}`; intrinsics are named with their set, as `foo.{plain[0]}`"
    wrong = next((each for each in spelled if not each.isidentifier() or keyword.iskeyword(each)), None)
    return None if wrong is None else f"returned the name `{wrong}`, which a program cannot spell"


def _contract_problem(item: Pass) -> str | None:
    contract = item.contract
    for each in dataclasses.fields(contract):
        promised: object = getattr(contract, each.name)
        if promised is not None and not _fits(promised, _annotation(_PROMISES)):
            return f"`{each.name}` is {promised!r}, not a tuple of facts or of uses"
    return None


_NAMES: dict[str, type | tuple[type, ...]] = {
    "str": str, "bool": bool, "int": int, "float": (int, float), "tuple": tuple, "Lazy": Lazy, "Capability": Capability,
    "Use": Use, "Variant": Variant, "Mode": str, "Outcome": str,
}  # fmt: skip
"""The names that annotations of declarations use; any other is not checked."""
_PROMISES = "tuple[Capability | Use, ...]"


@functools.cache
def _annotation(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _field_problems(item: object) -> Iterator[str]:
    """The fields of a declaration that hold something else than they are annotated with."""
    if type(item).__module__ != Backend.__module__:
        return
    for each in dataclasses.fields(cast("Backend", item)):
        value: object = getattr(item, each.name)
        if not _fits(value, _annotation(str(each.type))):
            yield f"`{each.name}` is {value!r}, not `{each.type}`"


def _fits(value: object, annotation: ast.expr) -> bool:
    match annotation:
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _fits(value, left) or _fits(value, right)
        case ast.Constant(value=None):
            return value is None
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=[element, ast.Constant()])):
            return isinstance(value, tuple) and all(_fits(each, element) for each in cast("tuple[object, ...]", value))
        case ast.Subscript(value=ast.Name(id="tuple"), slice=ast.Tuple(elts=elements)):
            parts = cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()
            return len(parts) == len(elements) and all(map(_fits, parts, elements))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=ast.Tuple(elts=options)):
            return any(isinstance(each, ast.Constant) and each.value == value for each in options)
        case ast.Subscript(value=ast.Name(id=name)) | ast.Name(id=name):
            return isinstance(value, _NAMES.get(name, object))
        case _:
            return True


def _changeable(value: object, place: str) -> Iterator[str]:
    """Every part of a value that could be changed, with the way to it from the item."""
    if isinstance(value, (tuple, frozenset)):
        for index, each in enumerate(cast("tuple[object, ...]", value)):
            yield from _changeable(each, f"{place}[{index}]")
        return
    names: tuple[str, ...] = ()
    fixed = not isinstance(value, (list, dict, set, bytearray))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fixed = bool(getattr(getattr(value, "__dataclass_params__", None), "frozen", False))
        # Beside the fields also what somebody has set on the instance.
        fields = (each.name for each in dataclasses.fields(value))
        names = tuple(dict.fromkeys((*fields, *getattr(value, "__dict__", ()))))
    elif isinstance(value, msgspec.Struct):
        fixed, names = bool(value.__struct_config__.frozen), value.__struct_fields__
    elif not place:
        fixed = isinstance(value, (type, enum.Enum))
    if not fixed:
        kind = type(cast("object", value)).__name__
        subject = f"`{place}` is a {kind}" if place else f"class `{kind}` is not frozen"
        yield f"{subject}; contributions never change"
    for name in names:
        yield from _changeable(getattr(value, name), f"{place}.{name}".removeprefix("."))
