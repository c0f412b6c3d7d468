import importlib
import sys
import textwrap

import pytest

from htp.capabilities import CORE_CAPABILITIES, CORE_USES, Typed
from htp.diagnostics import Refused
from htp.plugins import Found, discover
from htp.session import Session, current_session, use_session

HEAD = """
from dataclasses import dataclass
from htp.capabilities import Capability, Typed
from htp.declarations import Backend, Binding, CodeFile, Conversion, Dialect, Lazy, Variant
from htp.hooks import hookimpl
from htp.passes import Pass

HTP_API = 1
"""
GOOD = """
@hookimpl
def htp_dialects():
    return (Dialect("{0}"),)
"""


class Site:
    """A folder on `sys.path` in which distributions are made."""

    def __init__(self, root):
        self.root = root
        self.modules = []

    def add(self, name, body=GOOD, *, head=HEAD, requires=("htp-core>=0.1,<1",), version="0.1.0", point=None):
        module = f"made_{name}"
        body = body.format(name) if body is GOOD else body
        (self.root / f"{module}.py").write_text(head + textwrap.dedent(body))
        info = self.root / f"htp_{name}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: htp_{name}", f"Version: {version}"]
        info.joinpath("METADATA").write_text(
            "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]) + "\n"
        )
        info.joinpath("entry_points.txt").write_text(f"[htp.plugins]\n{point or name} = {module}\n")
        self.modules.append(module)

    def session(self):
        importlib.invalidate_caches()
        made = [each for each in discover() if each.builtin or each.value in self.modules]
        return Session(made)


@pytest.fixture
def site(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("HTP_DISABLE_PLUGINS", raising=False)
    made = Site(tmp_path)
    yield made
    for module in made.modules:
        sys.modules.pop(module, None)


def state(session, name):
    (plugin,) = [each for each in session.plugins if each.name == name]
    return plugin


def test_core_registers_its_own_languages_through_the_hooks():
    session = Session()
    for name in ("tile", "host"):
        assert state(session, name).state == "active"
        assert state(session, name).found.distribution == "htp-core"
    assert {"tile", "host"} <= set(session.dialects)
    assert {each.tag for each in CORE_CAPABILITIES} <= set(session.capabilities)
    assert {each.__name__ for each in CORE_USES} <= set(session.use_kinds)
    assert "strided" in session.facets
    assert session.codes["plan.no-order"].plugin == "tile"
    assert session.codes["plan.no-order"].summary.endswith(".")


def test_a_good_plugin_contributes(site):
    site.add(
        "halo",
        """
        @dataclass(frozen=True)
        class Haloed(Capability, owner="halo"):
            width: int | None = None

        class Widen(Pass):
            name = "halo.widen"
            provides = (Haloed(width=1),)

        @hookimpl
        def htp_capabilities():
            return (Haloed,)

        @hookimpl
        def htp_passes():
            return (Widen(), Lazy("made_halo:Late"))

        class Late(Pass):
            name = "halo.late"

        @hookimpl
        def htp_backends():
            variants = (Variant("a", Lazy("made_halo:model")), Variant("b", Lazy("made_halo:model")))
            return (Backend("halo", (Haloed(),), (), variants, "halo.package/1", Lazy("made_halo:emit")),)

        @hookimpl
        def htp_targets():
            return (Variant("c", Lazy("made_halo:model"), backend="halo"),)

        @hookimpl
        def htp_bindings():
            probe = Lazy("made_halo:probe")
            return (Binding("halo-sim", "halo.package/1", ("emit", "sim"), Lazy("made_halo:load"), probe),)

        def probe(mode):
            return "no simulator" if mode == "sim" else None

        def model():
            from htp.targets import Model
            return Model(name="halo")
        """,
    )
    session = site.session()
    halo = state(session, "halo")
    assert (halo.state, halo.problem, halo.found.distribution) == ("active", None, "htp-halo")
    assert "halo.Haloed" in session.capabilities
    assert [each.name for each in session.passes if each.name.startswith("halo.")] == ["halo.late", "halo.widen"]
    assert session.pass_owners["halo.widen"] == "htp-halo 0.1.0"
    assert list(session.targets) == ["halo:a", "halo:b", "halo:c"]
    assert session.target("halo:c").model.name == "halo"
    binding = session.bindings["halo-sim"]
    assert binding.unavailable("sim") == "no simulator"
    assert binding.unavailable("emit") is None
    assert "has no mode `device`" in binding.unavailable("device")


BROKEN = {
    "import error": ({"body": "import nowhere_at_all"}, "plugin.import-failed", "ModuleNotFoundError"),
    "exits on import": ({"body": "raise SystemExit(3)"}, "plugin.import-failed", "SystemExit"),
    "syntax error": ({"body": "def ("}, "plugin.import-failed", "SyntaxError"),
    "other api": ({"body": "HTP_API = 2"}, "plugin.wrong-api", "built for plugin API 2"),
    "no api": ({"head": "", "body": "x = 1"}, "plugin.wrong-api", "does not define `HTP_API`"),
    "too new a core": ({"requires": ("htp-core>=7",)}, "plugin.needs-core", "needs `htp-core>=7`"),
    "no core": ({"requires": ("numpy",)}, "plugin.needs-core", "does not say which"),
    "core only elsewhere": (
        {"requires": ('htp_core>=0.1; python_version < "3"',)},
        "plugin.needs-core",
        "does not say which",
    ),
    "unreadable requirement": ({"requires": ("htp-core >>> 1",)}, "plugin.needs-core", "unreadable"),
    "unmarked hook": ({"body": "def htp_passes():\n    return ()"}, "plugin.bad-hook", "not marked `@hookimpl`"),
    "unknown hook": (
        {"body": "@hookimpl\ndef htp_pases():\n    return ()"},
        "plugin.bad-hook",
        "did you mean `htp_passes`",
    ),
    "wrong arguments": (
        {"body": "@hookimpl\ndef htp_passes(session):\n    return ()"},
        "plugin.bad-hook",
        "session",
    ),
    "wrapping hook": (
        {"body": "@hookimpl(wrapper=True)\ndef htp_passes():\n    return (yield)"},
        "plugin.bad-hook",
        "must not wrap",
    ),
    "a list": ({"body": "@hookimpl\ndef htp_passes():\n    return []"}, "plugin.bad-item", "not a tuple"),
    "nothing": ({"body": "@hookimpl\ndef htp_passes():\n    pass"}, "plugin.bad-item", "NoneType"),
    "wrong item": ({"body": "@hookimpl\ndef htp_backends():\n    return ('cpu',)"}, "plugin.bad-item", "'cpu'"),
    "a class of passes": ({"body": "@hookimpl\ndef htp_passes():\n    return (Pass,)"}, "plugin.bad-item", "Pass"),
    "a fact that can change": (
        {"body": "class F(Capability): pass\n@hookimpl\ndef htp_capabilities():\n    return (F, int)"},
        "plugin.bad-item",
        "int",
    ),
    "no facet": (
        {"body": "class F: KIND = 'f'\n@hookimpl\ndef htp_layouts():\n    return (F,)"},
        "plugin.bad-item",
        "lacks `VERSION`",
    ),
    "nameless": ({"body": "@hookimpl\ndef htp_policies():\n    return (3,)"}, "plugin.bad-item", "no name"),
    "bad name": (
        {"body": "@hookimpl\ndef htp_dialects():\n    return (Dialect('My Dialect'),)"},
        "plugin.bad-item",
        "lower-case",
    ),
    "variant of nobody": (
        {"body": "@hookimpl\ndef htp_targets():\n    return (Variant('x', Lazy('a:b')),)"},
        "plugin.bad-item",
        "does not say to which backend",
    ),
    "raising hook": (
        {"body": "@hookimpl\ndef htp_passes():\n    raise OSError('disk')"},
        "plugin.raised",
        "OSError: disk",
    ),
    "claims core's dialect": (
        {"body": "@hookimpl\ndef htp_dialects():\n    return (Dialect('tile'),)"},
        "plugin.duplicate-id",
        "`tile` of htp-core",
    ),
    "claims core's plugin name": ({"point": "tile"}, "plugin.duplicate-id", "claims the plugin `tile`"),
}


@pytest.mark.parametrize(("how", "code", "text"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_quarantined_and_stops_no_other(site, how, code, text):
    site.add("good")
    site.add("broken", **how)
    site.add("zebra")
    session = site.session()
    (broken,) = [each for each in session.plugins if each.found.value == "made_broken"]
    assert broken.state == "quarantined"
    assert broken.problem.code == code
    assert text in broken.problem.message
    assert "htp-broken 0.1.0" in broken.problem.message
    assert broken.contributions == ()
    assert session.quarantined == (broken,)
    assert {"good", "zebra", "tile", "host"} <= set(session.dialects)


def test_the_requirement_is_checked_before_anything_is_imported(site):
    site.add("broken", "raise SystemExit", requires=("htp-core>=7",))
    assert state(site.session(), "broken").problem.code == "plugin.needs-core"
    assert "made_broken" not in sys.modules


def test_of_two_that_claim_one_name_neither_counts(site):
    same = "@hookimpl\ndef htp_dialects():\n    return (Dialect('csp'), Dialect('{}'))"
    site.add("one", same.format("first"))
    site.add("two", same.format("second"))
    session = site.session()
    assert [each.name for each in session.quarantined] == ["one", "two"]
    assert {"csp", "first", "second"}.isdisjoint(session.dialects)
    assert "`two` of htp-two 0.1.0" in state(session, "one").problem.message
    assert state(session, "one").problem.help[0] == "HTP_DISABLE_PLUGINS=one"


def test_disabling_one_of_them_settles_it(site, monkeypatch):
    same = "@hookimpl\ndef htp_dialects():\n    return (Dialect('csp'),)"
    site.add("one", same)
    site.add("two", same)
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "nothing, htp-one")
    session = site.session()
    assert state(session, "one").state == "disabled"
    assert state(session, "two").state == "active"
    assert "made_one" not in sys.modules
    assert "csp" in session.dialects


def test_a_star_disables_all_but_core(site, monkeypatch):
    site.add("one")
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "*")
    states = {each.name: each.state for each in site.session().plugins}
    assert states == {"host": "active", "tile": "active", "one": "disabled"}


def test_two_passes_of_one_name_are_refused_when_loaded(site):
    body = "@hookimpl\ndef htp_passes():\n    return (Lazy('made_{}:P'),)\nclass P(Pass):\n    name = 'fuse'"
    site.add("one", body.format("one"))
    site.add("two", body.format("two"))
    with pytest.raises(Refused) as caught:
        _ = site.session().passes
    assert caught.value.code == "plugin.duplicate-id"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("made_one:x", "plugin.bad-item"),
        ("made_one:absent", "plugin.import-failed"),
        ("nowhere:P", "plugin.import-failed"),
    ],
)
def test_a_lazy_name_that_leads_nowhere_is_refused_when_needed(site, path, code):
    site.add("one", f"x = 3\n@hookimpl\ndef htp_passes():\n    return (Lazy('{path}'),)")
    session = site.session()
    assert state(session, "one").state == "active"
    with pytest.raises(Refused) as caught:
        _ = session.passes
    assert caught.value.code == code


def test_events_reach_every_plugin_and_failures_are_named(site):
    site.add("one", "seen = []\n@hookimpl\ndef htp_step_started(index):\n    seen.append(index)\n    return index")
    site.add("two", "seen = []\n@hookimpl\ndef htp_step_started(step, index):\n    seen.append((step, index))")
    site.add("zoo", "@hookimpl\ndef htp_program_captured(program):\n    raise KeyError(program)")
    session = site.session()
    assert session.emit_event("htp_step_started", session=session, index=4, step="s", program="p") is None
    assert sys.modules["made_one"].seen == [4]
    assert sys.modules["made_two"].seen == [("s", 4)]
    with pytest.raises(Refused) as caught:
        session.emit_event("htp_program_captured", session=session, program="p")
    assert caught.value.code == "plugin.raised"
    assert "`zoo` failed in `htp_program_captured`" in caught.value.diagnostic.message


def test_the_first_plan_that_a_plugin_chooses_counts(site):
    choose = "@hookimpl\ndef htp_choose_plan(plan):\n    return {}"
    site.add("one", choose.format("None"))
    site.add("two", choose.format("plan + '!'"))
    site.add("zoo", choose.format("'zoo'"))
    session = site.session()
    answer = session.emit_event("htp_choose_plan", session=session, program="p", target="t", plan="plan")
    assert answer == "plan!"


def test_a_plugin_that_fails_at_the_start_is_quarantined(site):
    site.add(
        "one", GOOD.format("one") + "\n@hookimpl\ndef htp_session_started(session):\n    1 / len(session.dialects) / 0"
    )
    site.add("two")
    session = site.session().start()
    assert state(session, "one").problem.code == "plugin.raised"
    assert "one" not in session.dialects
    assert "two" in session.dialects


def test_a_plugin_may_be_an_object_inside_a_module(site):
    body = """
        class Halo:
            HTP_API = 1

            @staticmethod
            @hookimpl
            def htp_dialects():
                return (Dialect("object"),)

        halo = Halo()
    """
    site.add("one", body)
    session = Session([Found("one", "made_one:halo", "htp-one", "0.1.0", ("htp-core",))])
    assert list(session.dialects) == ["object"]


def test_the_current_session_can_be_set():
    session = Session([])
    assert current_session() is current_session()
    with use_session(session):
        assert current_session() is session
        assert session.passes == ()
    assert current_session() is not session
    assert "Typed" in current_session().capabilities
    assert current_session().capabilities["Typed"] is Typed


def test_finding_and_declaring_import_neither_pluggy_nor_numpy_nor_packaging():
    import subprocess

    code = (
        "import sys, htp.session, htp.plugins, htp.declarations, htp.targets, htp.layout, htp.planner, htp.passes\n"
        "htp.plugins.discover()\n"
        "print(sorted({'pluggy', 'numpy', 'packaging', 'ml_dtypes'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
