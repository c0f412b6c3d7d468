"""What plugins lay claim to, and what happens when two of them claim the same.

Core keeps what is its own; of others that collide none wins, since nothing says who is right, and each is told who the
others are. Knows names, namespaces and the owners of handlers; does not know what the claimed things do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from htp._impl.contributions import identity, module_of
from htp.declarations import Backend, CodeFile, Dialect, HandlerSet, IntrinsicSet, Lazy, Variant
from htp.diagnostics import Diagnostic
from htp.names import RESERVED
from htp.plugins import CORE, Found, Plugin, canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_NOUNS = {
    "htp_capabilities": "capability",
    "htp_intrinsics": "intrinsic set",
    "htp_handlers": "handler set",
    "htp_passes": "pass",
    "htp_policies": "policy",
    "htp_diagnostics": "code owner",
}


class Claim(NamedTuple):
    """A name that only one may have, and what kind of thing it is."""

    noun: str
    name: str

    def __str__(self) -> str:
        return f"the {self.noun} `{self.name}`"


def announced_twice(found: Sequence[Found]) -> Mapping[Found, Diagnostic]:
    """Plugins that announce one and the same object, which therefore cannot be told apart."""
    claimants: dict[Claim, list[Found]] = {}
    for each in found:
        claimants.setdefault(Claim("entry point", each.value), []).append(each)
    return _clashes(claimants, "plugin.duplicate-id")


def conflicts(plugins: Iterable[Plugin]) -> Mapping[Found, Diagnostic]:
    """The active plugins that may not have what they claim, each with the reason.

    Names and namespaces are settled first, then who may handle what, then handlers: somebody without any right to a
    handler cannot take the rightful one out.
    """
    problems: dict[Found, Diagnostic] = {}
    active = [each for each in plugins if each.state == "active"]
    for look in (_names, _namespaces, foreign_handlers, _handlers):
        found = look([each for each in active if each.found not in problems])
        problems |= {each: problem for each, problem in found.items() if each not in problems}
    return problems


def _names(plugins: Sequence[Plugin]) -> Mapping[Found, Diagnostic]:
    claimants: dict[Claim, list[Found]] = {}
    for plugin in plugins:
        claimants.setdefault(Claim("plugin", plugin.name), []).append(plugin.found)
        for hook, items in plugin.contributions:
            for item in items:
                for claim in _claims(hook, item):
                    claimants.setdefault(claim, []).append(plugin.found)
    reserved = {claim: CORE for claim in claimants if claim.noun == "program name" and claim.name in RESERVED}
    return _clashes(claimants, "plugin.duplicate-id", reserved)


def _claims(hook: str, item: object) -> Iterator[Claim]:
    if isinstance(item, Variant):
        yield Claim("target", f"{item.backend}:{item.name}".removesuffix(":"))
        return
    yield Claim(_NOUNS.get(hook, hook.removeprefix("htp_").replace("_", " ").removesuffix("s")), identity(hook, item))
    if isinstance(item, Backend):
        for variant in item.targets:
            yield Claim("target", f"{item.name}:{variant.name}".removesuffix(":"))
    elif isinstance(item, Dialect):
        for name in (*item.names, *item.kinds):
            yield Claim("program name", name)
    elif isinstance(item, IntrinsicSet):
        yield Claim("program name", item.name)
    elif hook == "htp_policies" and module_of(item):
        yield Claim("program name", identity(hook, item))


def _namespaces(plugins: Sequence[Plugin]) -> Mapping[Found, Diagnostic]:
    """Words before the dot belong to one distribution, whichever of its plugins uses them and for what."""
    users: dict[str, dict[Found, str]] = {}
    for plugin in plugins:
        for hook, items in plugin.contributions:
            for item in items:
                if word := _namespace(hook, item):
                    users.setdefault(word, {}).setdefault(plugin.found, _NAMESPACES[hook])
    contested = {word: uses for word, uses in users.items() if len({each.owner for each in uses}) > 1}
    claimants = {Claim("namespace", word): list(uses) for word, uses in contested.items()}
    notes = {
        Claim("namespace", word): tuple(f"{each} has the {what} `{word}`" for each, what in uses.items())
        for word, uses in contested.items()
    }
    return _clashes(claimants, "plugin.namespace-taken", notes=notes)


_NAMESPACES = {
    "htp_capabilities": "owner of capabilities",
    "htp_dialects": "dialect",
    "htp_intrinsics": "intrinsic set",
    "htp_passes": "prefix of passes",
    "htp_diagnostics": "owner of codes",
}


def _namespace(hook: str, item: object) -> str:
    """The word before the dot, in the one spelling that words of programs and other names share."""
    name = identity(hook, item).replace("_", "-")
    if hook in ("htp_capabilities", "htp_passes"):
        word, dot, _ = name.partition(".")
        return word if dot and not isinstance(item, Lazy) else ""
    return name.partition(".")[0] if isinstance(item, (Dialect, IntrinsicSet, CodeFile)) else ""


def foreign_handlers(plugins: Sequence[Plugin]) -> Mapping[Found, Diagnostic]:
    """Plugins with a handler whose intrinsic and whose backend belong to others, neither of whom names them a bridge.

    Where the set or the backend is not installed the handler is never used, and its right to be there is not judged.
    """
    sets: dict[str, tuple[Plugin, IntrinsicSet]] = {}
    backends: dict[str, tuple[Plugin, Backend]] = {}
    for plugin in plugins:
        sets |= {each.name: (plugin, each) for each in plugin.of("htp_intrinsics") if isinstance(each, IntrinsicSet)}
        backends |= {each.name: (plugin, each) for each in plugin.of("htp_backends") if isinstance(each, Backend)}
    problems: dict[Found, Diagnostic] = {}
    for plugin in plugins:
        for name, backend in _handled(plugin):
            owners = (sets.get(name.rpartition(".")[0]), backends.get(backend))
            if owners[0] is None or owners[1] is None:
                continue
            allowed = {own for who, unit in (owners[0], owners[1]) for own in (who.found.owner, *unit.bridges)}
            if canonical(plugin.found.owner) not in map(canonical, allowed):
                theirs = tuple(f"`{unit.name}` belongs to {who.found}" for who, unit in (owners[0], owners[1]))
                problems.setdefault(plugin.found, _foreign(plugin.found, name, backend, theirs))
    return problems


def _foreign(found: Found, name: str, backend: str, notes: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        code="plugin.foreign-handler",
        message=f"{found} handles `{name}` for backend `{backend}`, and owns neither",
        notes=notes,
        help=(f"HTP_DISABLE_PLUGINS={found.name}", f'or one of the two owners names "{found.owner}" in `bridges`'),
    )


def _handlers(plugins: Sequence[Plugin]) -> Mapping[Found, Diagnostic]:
    claimants: dict[Claim, list[Found]] = {}
    for plugin in plugins:
        for name, backend in _handled(plugin):
            claimants.setdefault(Claim(f"handler for backend `{backend}` of", name), []).append(plugin.found)
    return _clashes(claimants, "plugin.duplicate-id")


def _handled(plugin: Plugin) -> Iterator[tuple[str, str]]:
    for item in plugin.of("htp_handlers"):
        if isinstance(item, HandlerSet):
            for name in item.intrinsics:
                yield name, item.backend


def _clashes(
    claimants: Mapping[Claim, Sequence[Found]],
    code: str,
    reserved: Mapping[Claim, str] | None = None,
    notes: Mapping[Claim, tuple[str, ...]] | None = None,
) -> dict[Found, Diagnostic]:
    """What each claimant of a claim with several is told; `reserved` claims have an owner beside the claimants."""
    problems: dict[Found, Diagnostic] = {}
    for claim, everyone in claimants.items():
        owner = (reserved or {}).get(claim)
        if len(everyone) < 2 and owner is None:
            continue
        for each in dict.fromkeys(everyone):
            if each.builtin or each in problems:
                continue
            rivals = [other for other in dict.fromkeys(everyone) if other != each]
            others = " and ".join([*map(str, rivals), *([owner] if owner else [])]) or "itself, a second time"
            problems[each] = Diagnostic(
                code=code,
                message=f"{each} claims {claim}, and so does {others}",
                notes=(notes or {}).get(claim, ()),
                help=_ways_out(each, rivals),
            )
    return problems


def _ways_out(found: Found, rivals: Sequence[Found]) -> tuple[str, ...]:
    """Commands that settle it: leave out this one, or all the others."""
    everyone = sorted((found, *rivals), key=lambda each: (each.name, each.distribution))
    same_name = len({each.name for each in everyone}) < len(everyone)
    handles = {each: each.owner if same_name else each.name for each in everyone}
    if not rivals or any(each.builtin for each in rivals):
        return (f"HTP_DISABLE_PLUGINS={handles[found]}", "or its author chooses another name")
    kept = (
        (handles[each], ",".join(handles[other] for other in everyone if other != each)) for each in everyone
    )
    return tuple(f"HTP_DISABLE_PLUGINS={others}, to keep `{handle}`" for handle, others in kept)
