"""What may come through each contribution hook, and what an item is known by.

Knows types and names; does not know plugins.
"""

from __future__ import annotations

import re

from htp.capabilities import Capability, Use
from htp.declarations import Backend, Binding, CodeFile, Conversion, Demo, Dialect, Lazy, Variant
from htp.passes import Pass

_TYPES: dict[str, tuple[type, ...]] = {
    "htp_dialects": (Dialect,),
    "htp_layout_conversions": (Conversion,),
    "htp_passes": (Pass, Lazy),
    "htp_targets": (Variant,),
    "htp_backends": (Backend,),
    "htp_bindings": (Binding,),
    "htp_diagnostics": (CodeFile,),
    "htp_demos": (Demo,),
}
_SLUG = re.compile(r"[a-z][a-z0-9]*([-._][a-z0-9]+)*")
_PLAIN_NAMES = frozenset(("htp_dialects", "htp_backends", "htp_diagnostics", "htp_demos"))


def item_problem(hook: str, item: object) -> str | None:
    """Why `item` may not come through `hook`, or `None`."""
    if hook == "htp_capabilities":
        if not (isinstance(item, type) and issubclass(item, (Capability, Use))):
            return f"returned {item!r}, which is no class of facts or uses"
        frozen = getattr(getattr(item, "__dataclass_params__", None), "frozen", False)
        return None if frozen else f"returned `{item.__name__}`, which is not a frozen dataclass"
    if hook == "htp_layouts":
        lacking = [name for name in _FACET_NAMES if not hasattr(item, name)]
        if not isinstance(item, type):
            return f"returned {item!r}, which is no class of layout facets"
        return f"returned `{item.__name__}`, which lacks `{lacking[0]}` of a layout facet" if lacking else None
    expected = _TYPES.get(hook)
    if expected is not None and not isinstance(item, expected):
        return f"returned {item!r}, which is no {' or '.join(each.__name__ for each in expected)}"
    name = identity(hook, item)
    if not name:
        return f"returned {item!r}, which has no name"
    if hook in _PLAIN_NAMES and not _SLUG.fullmatch(name):
        return f"returned the name `{name}`; names are lower-case words"
    if isinstance(item, Variant) and not item.backend:
        return f"returned variant `{item.name}`, which does not say to which backend it belongs"
    return None


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


_FACET_NAMES = (
    "KIND", "VERSION", "ROLES", "check", "coords", "canonical", "equivalent", "join", "requirements", "to_data",
    "from_data",
)  # fmt: skip
