import json
import subprocess
import sys

import pytest

from htp.capabilities import CORE_CAPABILITIES, CORE_USES, Typed
from htp.cli import main
from htp.plugins import Found
from htp.session import Session, current_session, use_session
from htp.tools import import_cost
from htp.tools.import_cost import ImportCost


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
    "module that is gone": (
        {"body": None},
        "plugin.import-failed",
        "names the module `made_broken`, which does not exist",
    ),
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
    "exiting hook": (
        {"body": "@hookimpl\ndef htp_passes():\n    raise SystemExit(3)"},
        "plugin.raised",
        "SystemExit: 3",
    ),
    "refusing hook": (
        {
            "body": "@hookimpl\ndef htp_passes():\n"
            "    raise Refused('broken.licence', 'htp-broken 0.1.0: none', help='buy')",
        },
        "broken.licence",
        "none",
    ),
    "property that raises": (
        {
            "body": "class P:\n    HTP_API = 1\n    @property\n    def htp_x(self):\n        raise OSError('x')\n"
            "import sys\nsys.modules[__name__] = P()",
        },
        "plugin.raised",
        "while its hooks were looked for: OSError: x",
    ),
    "unknown hook under another name": (
        {"body": "@hookimpl(specname='htp_pases')\ndef passes():\n    return ()"},
        "plugin.bad-hook",
        "did you mean `htp_passes`",
    ),
    "wrapping event": (
        {"body": "@hookimpl(wrapper=True)\ndef htp_step_started():\n    return (yield)"},
        "plugin.bad-hook",
        "must not wrap",
    ),
    "fact that can change": (
        {
            "body": "@dataclass(frozen=True)\nclass F(Capability, owner='broken'):\n    widths: list\n"
            "@hookimpl\ndef htp_backends():\n"
            "    return (Backend('b', (F([1]),), (), (), 'b.package/1', Lazy('a:b')),)",
        },
        "plugin.bad-item",
        "returned Backend `b`, whose `goal[0].widths` is a list",
    ),
    "list in a backend": (
        {"body": "@hookimpl\ndef htp_backends():\n    return (Backend('b', [], (), (), 'b.package/1', Lazy('a:b')),)"},
        "plugin.bad-item",
        "whose `goal` is [], not `tuple[Capability, ...]`",
    ),
    "text for a use": (
        {
            "body": "@hookimpl\ndef htp_backends():\n"
            "    return (Backend('b', (), ('tile',), (), 'b.package/1', Lazy('a:b')),)",
        },
        "plugin.bad-item",
        "whose `accepts` is ('tile',), not `tuple[Use, ...]`",
    ),
    "pass with a list": (
        {
            "body": "@dataclass(frozen=True)\nclass P(Pass):\n    sizes: list = field(default_factory=list)\n"
            "@hookimpl\ndef htp_passes():\n    return (P(),)",
        },
        "plugin.bad-item",
        "whose `sizes` is a list",
    ),
    "pass that keeps state": (
        {
            "body": "class P(Pass):\n    def __init__(self):\n        self.seen = {}\n"
            "@hookimpl\ndef htp_passes():\n    return (P(),)",
        },
        "plugin.bad-item",
        "whose `seen` is a dict",
    ),
    "contract of lists": (
        {"body": "class P(Pass):\n    provides = [Typed()]\n@hookimpl\ndef htp_passes():\n    return (P(),)"},
        "plugin.bad-item",
        "whose `provides` is [Typed()], not a tuple",
    ),
    "policy that can change": (
        {"body": "class P:\n    name = 'p'\n@hookimpl\ndef htp_policies():\n    return (P(),)"},
        "plugin.bad-item",
        "class `P` is not frozen",
    ),
    "pass with a bad name": (
        {"body": "class P(Pass):\n    name = 'My Pass'\n@hookimpl\ndef htp_passes():\n    return (P(),)"},
        "plugin.bad-item",
        "`My Pass`; names are lower-case words",
    ),
    "name that is a keyword": (
        {"body": "@hookimpl\ndef htp_dialects():\n    return (Dialect('d', '', ('m',), ('for',)),)"},
        "plugin.bad-item",
        "the name `for`, which a program cannot spell",
    ),
    "set that is not its module": (
        {"body": "@hookimpl\ndef htp_intrinsics():\n    return (IntrinsicSet('foo', 'htp_foo.bar', ()),)"},
        "plugin.bad-item",
        "not the last part of its module `htp_foo.bar`",
    ),
    "handler of a plain name": (
        {"body": "@hookimpl\ndef htp_handlers():\n    return (HandlerSet('cpu', 'm', ('rowmax',)),)"},
        "plugin.bad-item",
        "named with their set, as `foo.rowmax`",
    ),
    "claims core's dialect": (
        {"body": "@hookimpl\ndef htp_dialects():\n    return (Dialect('tile'),)"},
        "plugin.duplicate-id",
        "`tile` of htp-core",
    ),
    "claims core's plugin name": ({"point": "tile"}, "plugin.duplicate-id", "claims the plugin `tile`"),
}


def told(capsys, session, verb):
    """What a command answers in a session."""
    with use_session(session):
        main([verb, "--format", "json"])
    return json.loads(capsys.readouterr().out)["result"]


@pytest.mark.parametrize(("how", "code", "text"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_quarantined_and_stops_no_other(site, capsys, monkeypatch, how, code, text):
    monkeypatch.setattr(import_cost, "import_cost", lambda values, path=None: ImportCost(0.0, ()))
    site.add("good")
    site.add("broken", **how)
    site.add("zebra")
    session = site.session()
    (broken,) = [each for each in session.plugins if each.found.distribution == "htp-broken"]
    assert broken.state == "quarantined"
    assert broken.problem.code == code
    assert text in broken.problem.message
    assert "htp-broken 0.1.0" in broken.problem.message
    assert broken.problem.help
    assert all(broken.problem.help)
    assert broken.contributions == ()
    assert session.quarantined == (broken,)
    assert {"good", "zebra", "tile", "host"} <= set(session.dialects)
    (row,) = [each for each in told(capsys, session, "plugins")["plugins"] if each["distribution"] == "htp-broken"]
    assert (row["status"], row["code"]) == ("quarantined", code)
    assert broken.problem.message in row["provides"]
    assert row["help"] == list(broken.problem.help)
    (check,) = [each for each in told(capsys, session, "doctor")["checks"] if each["code"] == code]
    assert check["subject"] == f"plugin {broken.name}"
    assert (check["ok"], check["fix"]) == (False, broken.problem.help[0])
    assert broken.problem.message in check["found"]


@pytest.mark.parametrize("verb", ["plugins", "doctor"])
def test_the_commands_show_a_broken_plugin_in_a_process_of_their_own(site, verb):
    site.add("broken", "import nowhere_at_all")
    site.add("zebra")
    command = [sys.executable, "-m", "htp", verb]
    done = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=True)
    assert "plugin `broken` of htp-broken 0.1.0 cannot be imported: ModuleNotFoundError" in done.stdout
    assert 'python -c "import made_broken"' in done.stdout
    assert "zebra" in done.stdout
    assert done.stderr == ""


def test_the_requirement_is_checked_before_anything_is_imported(site):
    site.add("broken", "raise SystemExit", requires=("htp-core>=7",))
    assert state(site.session(), "broken").problem.code == "plugin.needs-core"
    assert "made_broken" not in sys.modules


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
    code = (
        "import sys, htp.session, htp.plugins, htp.declarations, htp.targets, htp.layout, htp.planner, htp.passes\n"
        "htp.plugins.discover()\n"
        "print(sorted({'pluggy', 'numpy', 'packaging', 'ml_dtypes'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
