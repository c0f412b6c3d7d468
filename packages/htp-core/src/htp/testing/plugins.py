"""The laws of plugins: what is announced, imported, declared and documented, whatever is contributed.

Knows the gates and the hooks; the laws of each kind of contribution stand in a module of their own.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from htp.capabilities import Capability
from htp.declarations import CodeFile, HandlerSet, IntrinsicSet, Lazy
from htp.diagnostics import Refused
from htp.session import Session, current_session
from htp.testing.law import Conformance, broken, law, said, shared, undeclared
from htp.testing.snippets import Ending, Snippet, run_snippets
from htp.testing.sources import foreign_imports, private_imports, sources
from htp.tools.codes import Page, parse_pages
from htp.tools.import_cost import import_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from htp.plugins import Plugin

__all__ = ["PluginConformance"]

SPELLED = ("htp_passes", "htp_layouts", "htp_intrinsics", "htp_dialects", "htp_backends", "htp_demos")
"""The contributions whose names begin with a word that the plugin owns, or are one."""


class PluginConformance(Conformance[str]):
    """What every plugin owes to the manager that loads it and to the people who meet its refusals.

    `subject` is the plugin's name (its entry point) or the module that the entry point names.
    """

    kind: ClassVar[str] = "plugin"

    @shared
    def plugin(self) -> Plugin:
        """The plugin as the session sees it, with its passes loaded."""
        asked = str(getattr(self.tested, "__name__", self.tested))
        session = current_session()
        _ = session.passes
        found = [each for each in session.plugins if asked in (each.name, each.found.value)]
        if not found:
            mend = 'announce it: [project.entry-points."htp.plugins"], and install the package'
            broken(f"no plugin `{asked}` is installed", mend)
        return found[0]

    @shared
    def pages(self) -> tuple[Page, ...]:
        """The pages of the codes the plugin owns."""
        files = cast("tuple[CodeFile, ...]", self._of("htp_diagnostics"))
        return tuple(page for each in files for page in parse_pages(each.text()))

    @shared
    def endings(self) -> dict[str, tuple[Ending, Ending]]:
        """How the wrong and the right program of every code ended."""
        # Several codes may share their right program; it runs once.
        texts = {text: f"{page.code} program" for page in self.pages for text in (page.wrong, page.right)}
        programs = [Snippet(name=name, text=text) for text, name in texts.items()]
        found = dict(zip(texts, run_snippets(programs) if programs else (), strict=True))
        return {page.code: (found[page.wrong], found[page.right]) for page in self.pages}

    def _pages(self) -> tuple[Page, ...]:
        if not self.pages:
            undeclared("htp_diagnostics", "the plugin owns no codes")
        return self.pages

    @law
    def test_passes_every_gate(self) -> None:
        """The plugin is announced, fits the installed core, imports, has the right hooks and claims no foreign name."""
        plugin = self.plugin
        if plugin.state != "active":
            problem = plugin.problem
            mend = "; ".join(problem.help) if problem is not None and problem.help else "see `htp plugins`"
            broken(f"it is {plugin.state}: {f'{problem.code}: {problem.message}' if problem else ''}", mend)

    @law
    def test_imports_light(self) -> None:
        """The plugin's module only declares: importing it brings in no heavy package."""
        cost = import_cost([self.plugin.found.value])
        self.notes["test_imports_light"] = f"{cost.milliseconds:.0f} ms, {len(cost.modules)} modules"
        if cost.heavy:
            broken(f"it imports {', '.join(cost.heavy)}", 'name what needs it as Lazy("module:name")')

    @law
    def test_hooks_are_pure(self) -> None:
        """Contribution hooks take nothing and give the same declarations each time."""
        for name, hook in self._hooks():
            first, second = hook(), hook()
            if first != second:
                broken(f"`{name}` gives something else the second time", "return a tuple of constants")

    @law
    def test_declarations_never_change(self) -> None:
        """Every declaration is hashable and frozen."""
        for name, hook in self._hooks():
            for item in hook():
                try:
                    hash(item)
                except TypeError as error:
                    broken(f"{item!r} of `{name}` cannot be hashed: {error}", "use tuples, not lists or dicts, in it")
                parameters = getattr(item, "__dataclass_params__", None)
                if parameters is not None and not parameters.frozen:
                    broken(f"{item!r} of `{name}` can be changed", "make it a dataclass(frozen=True)")

    @law
    def test_lazy_names_load(self) -> None:
        """Everything that a declaration names instead of importing it is there."""
        declared = [each for name, hook in self._hooks() for item in hook() for each in _later(item, name)]
        if not declared:
            undeclared("Lazy", "no declaration names anything to load later")
        for where, load in declared:
            try:
                load()
            except Refused as refused:
                broken(f"{where}: {said(refused)}", "write it as module:name, and define it there")

    @law
    def test_names_are_its_own(self) -> None:
        """Names begin with the plugin's: two plugins that were written apart never meet in one.

        Its own are its name, its code files, and the names of its backends, dialects, facets and intrinsic sets.
        """
        if self.plugin.found.builtin:
            undeclared("distribution", "core's own plugins own the names without a prefix")
        own = {self.plugin.name, *(each.owner for each in cast("tuple[CodeFile, ...]", self._of("htp_diagnostics")))}
        own |= {_spelled(item) for hook in SPELLED[1:] for item in self._of(hook)}
        own |= {each.replace("-", "_") for each in own}
        for hook, item in ((hook, item) for hook, items in self._contributions() for item in items):
            name = _spelled(item)
            if hook == "htp_passes" and name.partition(".")[0] not in own:
                broken(f"the pass `{name}`", f'call it "{self.plugin.name}.{name}"')
            if isinstance(item, type) and issubclass(item, Capability) and item.tag.partition(".")[0] not in own:
                broken(f"the fact `{item.tag}`", f'write `class {name}(Capability, owner="{self.plugin.name}")`')
        for page in self.pages:
            if page.code.partition(".")[0] not in own:
                broken(f"the code `{page.code}`", f"call it `{self.plugin.name}.{page.code.partition('.')[2]}`")

    @law
    def test_codes_are_explained(self) -> None:
        """Every code has a page with a summary of one sentence, a program that triggers it and one that does not."""
        for page in self._pages():
            if not page.summary.endswith("."):
                broken(f"`{page.code}` has no summary", "begin its section with one sentence")
            missing = [which for which in ("wrong", "right") if not getattr(page, which)]
            if missing:
                broken(f"`{page.code}` has no {missing[0]} program", f"add a ```python {missing[0]} block")

    @law
    def test_wrong_programs_trigger_their_code(self) -> None:
        """The wrong program of a code ends with exactly that code."""
        for page in self._pages():
            wrong, _ = self.endings[page.code]
            if wrong.codes != (page.code,):
                got = wrong.failure or ", ".join(wrong.codes) or "nothing"
                broken(f"the wrong program of `{page.code}` ends with {got}", "mend the program, or what refuses it")

    @law
    def test_right_programs_are_accepted(self) -> None:
        """The right program of a code runs to its end."""
        for page in self._pages():
            _, right = self.endings[page.code]
            if right.codes or right.failure:
                got = right.failure or ", ".join(right.codes)
                broken(f"the right program of `{page.code}` ends with {got}", "mend the program, or what refuses it")

    @law
    def test_uses_public_names_only(self) -> None:
        """Its package imports only public modules of `htp`, and of other plugins only what they lend to programs."""
        if self.plugin.found.builtin:
            undeclared("distribution", "core's own plugins are part of core")
        lent = _lent(current_session(), self.plugin)
        for file, tree in sources(self._folder()):
            for module in private_imports(tree):
                broken(f"{file} imports `{module}`", "use the public names of `htp`, or ask for one")
            for module in foreign_imports(tree, lent):
                broken(f"{file} imports `{module}` of another plugin", "use only what it lends to programs")

    @law
    def test_is_typed(self) -> None:
        """The package holds `py.typed`, so that its types count where it is used."""
        if not (self._folder() / "py.typed").is_file():
            broken(f"{self._folder().name}/ has no py.typed", "add an empty file of that name")

    def _hooks(self) -> Iterator[tuple[str, Callable[[], tuple[object, ...]]]]:
        """The contribution hooks of the plugin's module, even where the manager has left it out."""
        from htp.hooks import CONTRIBUTIONS

        try:
            module = Lazy[object](self.plugin.found.value).load()
        except Refused as refused:
            undeclared("htp.plugins", f"the module of the entry point cannot be imported: {said(refused)}")
        yield from ((name, getattr(module, name)) for name in CONTRIBUTIONS if hasattr(module, name))

    def _of(self, hook: str) -> tuple[object, ...]:
        return dict(self._contributions()).get(hook, ())

    def _contributions(self) -> tuple[tuple[str, tuple[object, ...]], ...]:
        if self.plugin.state != "active":
            undeclared("Plugin.state", f"the plugin is {self.plugin.state}, so nothing it declares is in force")
        return self.plugin.contributions

    def _folder(self) -> Path:
        """The folder of the package that the entry point's module belongs to."""
        name = self.plugin.found.value.partition(":")[0].partition(".")[0]
        spec = find_spec(name)
        places = list(spec.submodule_search_locations or ()) if spec is not None else []
        if not places:
            broken(f"`{name}` is a single module", "make it a package: a folder with __init__.py and py.typed")
        return Path(places[0])


def _later(item: object, hook: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that a declaration names instead of importing it, and how it is loaded."""
    if isinstance(item, Lazy):
        yield f"`{item.path}` of `{hook}`", cast("Lazy[object]", item).load
    elif isinstance(item, IntrinsicSet | HandlerSet):
        yield from ((f"`{each}` of `{hook}`", partial(item.load, each)) for each in item.intrinsics)
    elif isinstance(item, tuple):
        for each in cast("tuple[object, ...]", item):
            yield from _later(each, hook)
    elif is_dataclass(item) and not isinstance(item, type):
        for each in fields(item):
            yield from _later(getattr(item, each.name), hook)


def _spelled(item: object) -> str:
    name: object = getattr(item, "KIND", None) or getattr(item, "name", None) or getattr(item, "__name__", "")
    return str(name)


def _lent(session: Session, plugin: Plugin) -> dict[str, frozenset[str]]:
    """For each package of another distribution the modules that others may import."""
    found: dict[str, set[str]] = {}
    for each in session.plugins:
        package = each.found.value.partition(".")[0]
        if each.found.builtin or package == plugin.found.value.partition(".")[0]:
            continue
        modules = {getattr(item, "module", "") for item in each.of("htp_intrinsics")}
        modules |= {name for item in each.of("htp_dialects") for name in getattr(item, "modules", ())}
        found.setdefault(package, {package}).update(modules)
    return {package: frozenset(modules) for package, modules in found.items()}
