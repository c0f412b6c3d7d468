"""Wrong plugins, each of which the law that it breaks must find; the module of one is made on the fly."""

import pytest

from htp.session import use_session
from htp.testing import PluginConformance

PAGE = """# halo: Halos

## halo.too-wide

{summary}

More about it.

```python wrong
from htp.diagnostics import Refused

raise Refused("{wrong}", "a halo of 9")
```

```python right
print("{right}")
```
"""
GOOD = '''
@dataclass(frozen=True)
class Haloed(Capability, owner="halo"):
    """Halos are there."""


class Widen(Pass):
    """Makes halos."""

    name = "halo.widen"


@hookimpl
def htp_capabilities():
    return (Haloed,)


@hookimpl
def htp_passes():
    return (Lazy("halo_made.plugin:Widen"),)


@hookimpl
def htp_dialects():
    return (Dialect("halo", "windows"),)


@hookimpl
def htp_diagnostics():
    return (CodeFile("halo", "halo_made", "codes.md"),)
'''


@pytest.fixture
def plugin(site, monkeypatch):
    """What a law says of a plugin whose source, page or other files are altered."""

    def make(old="", new="", *, files=(), page=(), typed=True, **extra):
        folder = site.root / "halo_made"
        folder.mkdir()
        assert old in GOOD
        site.add("halo", GOOD.replace(old, new) if old else GOOD + new, module="halo_made.plugin", **extra)
        written = {"summary": "A halo is wider than a tile.", "wrong": "halo.too-wide", "right": "fine", **dict(page)}
        (folder / "codes.md").write_text(PAGE.format(**written))
        (folder / "__init__.py").write_text("")
        if typed:
            (folder / "py.typed").write_text("")
        for name, text in files:
            (folder / name).write_text(text)
        return site.session()

    original = site.add

    def add(name, body, *, module, **extra):
        original(name, None, module=module, **extra)
        head = make.__globals__["HEAD"]
        (site.root / "halo_made" / "plugin.py").write_text(head + body)

    monkeypatch.setattr(site, "add", add)
    yield make
    import sys

    for name in [each for each in sys.modules if each.startswith("halo_made")]:
        del sys.modules[name]


HEAD = """
from dataclasses import dataclass, field
from htp.capabilities import Capability, Typed
from htp.declarations import Backend, Binding, CodeFile, Conversion, Dialect, HandlerSet, IntrinsicSet, Lazy, Variant
from htp.hooks import hookimpl
from htp.passes import Pass

HTP_API = 1
"""
LIST = "\n\n@hookimpl\ndef htp_policies():\n    return (Policy(),)\n\n\n"
LOOSE = "@dataclass{}\nclass Policy:\n    name: str = 'halo.first'\n    order: list = field(default_factory=list)\n"

MUTANTS = {
    "passes_every_gate": [
        ({"requires": ()}, "plugin.needs-core"),
        ({"requires": ("htp-core>=99",)}, "plugin.needs-core"),
        ({"new": "\n\nraise OSError('no disk')\n"}, "plugin.import-failed"),
        ({"new": "\nHTP_API = 7\n"}, "plugin.wrong-api"),
        ({"new": "\n\n@hookimpl\ndef htp_pases():\n    return ()\n"}, "htp_passes"),
    ],
    "imports_light": [({"new": "\nimport numpy\n"}, "it imports")],
    "hooks_are_pure": [
        (
            {
                "old": 'return (Dialect("halo", "windows"),)',
                "new": 'COUNT.append(1)\n    return (Dialect("halo", f"run {len(COUNT)}"),)\n\n\nCOUNT = []\n',
            },
            "`htp_dialects` gives something else",
        ),
    ],
    "declarations_never_change": [
        ({"new": LIST + LOOSE.format("(frozen=True)")}, "cannot be hashed"),
        (
            {"new": LIST + LOOSE.format("(unsafe_hash=True)").replace("list = field(default_factory=list)", "int = 0")},
            "can be changed",
        ),
    ],
    "lazy_names_load": [
        (
            {
                "new": "\n\n@hookimpl\ndef htp_layout_conversions():\n"
                '    return (Conversion("halo", "strided", Lazy("halo_made.none:convert")),)\n'
            },
            "plugin.import-failed",
        ),
        (
            {
                "new": "\n\n@hookimpl\ndef htp_intrinsics():\n"
                '    return (IntrinsicSet("plugin", "halo_made.plugin", ("widen",)),)\n'
            },
            "`widen` of `htp_intrinsics`",
        ),
    ],
    "names_are_its_own": [
        ({"old": '"halo.widen"', "new": '"widen"'}, 'call it "halo.widen"'),
        ({"old": ', owner="halo"', "new": ""}, "the fact `Haloed`"),
    ],
    "codes_are_explained": [
        ({"page": {"summary": "Too wide"}}, "has no summary"),
        ({"files": [("codes.md", "## halo.too-wide\n\nOne sentence.\n")]}, "has no wrong program"),
    ],
    "wrong_programs_trigger_their_code": [
        ({"page": {"wrong": "halo.other"}}, "ends with halo.other"),
        ({"page": {"wrong": 'halo.too-wide", 1 / 0, "'}}, "ends with ZeroDivisionError"),
    ],
    "right_programs_are_accepted": [({"page": {"right": '", 1 / 0, "'}}, "ends with ZeroDivisionError")],
    "uses_public_names_only": [
        ({"files": [("inner.py", "def f():\n    from htp._impl import search\n")]}, "imports `htp._impl`"),
        ({"files": [("inner.py", "import htp.builtin.tile_plugin\n")]}, "imports `htp.builtin.tile_plugin`"),
        ({"files": [("inner.py", "from htp.capabilities import _text\n")]}, "imports `htp.capabilities._text`"),
    ],
    "is_typed": [({"typed": False}, "has no py.typed")],
}
CASES = [(law, change, text) for law, changes in MUTANTS.items() for change, text in changes]


@pytest.mark.parametrize(("law", "change", "text"), CASES, ids=[f"{law}-{text}" for law, _, text in CASES])
def test_a_wrong_plugin_fails_its_law(told, plugin, law, change, text):
    with use_session(plugin(**change)):
        found = told(PluginConformance, f"test_{law}", "halo")
    assert found.startswith("failed")
    assert text in found


def test_another_plugins_modules_are_its_own(told, plugin, site):
    other = site.root / "other_made.py"
    session = plugin(files=[("inner.py", "from other_made.secret import thing\n")])
    other.write_text("")
    from dataclasses import replace

    from htp.plugins import Found
    from htp.session import Session

    halo = next(each.found for each in session.plugins if each.name == "halo")
    core = [each.found for each in session.plugins if each.found.builtin]
    rival = replace(Found("rival", "other_made", "htp-rival", "1", ("htp-core",)))
    with use_session(Session([*core, halo, rival])):
        found = told(PluginConformance, "test_uses_public_names_only", "halo")
    assert "imports `other_made.secret` of another plugin" in found


def test_a_good_plugin_conforms_by_name_and_by_module(conforms, plugin):
    with use_session(plugin()) as _:
        assert conforms(PluginConformance, "halo") == {}
        import halo_made.plugin

        assert conforms(PluginConformance, halo_made.plugin) == {}


def test_a_plugin_that_is_not_installed(told):
    found = told(PluginConformance, "test_passes_every_gate", "no-such-plugin")
    assert "no plugin `no-such-plugin` is installed" in found
