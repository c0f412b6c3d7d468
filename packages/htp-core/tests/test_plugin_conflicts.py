"""Two plugins that want the same: both are told, and neither counts; core and rightful owners keep what is theirs."""

import pytest

from htp.plugins import Found
from htp.session import Session


def state(session, name):
    (plugin,) = [each for each in session.plugins if each.name == name]
    return plugin


def dialect(name, more="()"):
    return f"@hookimpl\ndef htp_dialects():\n    return (Dialect({name!r}, '', ('m',), {more}),)"


def backend(name, targets="", more=""):
    return (
        f"@hookimpl\ndef htp_backends():\n    return (Backend({name!r}, (), (), ({targets}), '{name}.package/1', "
        f"Lazy('m:emit'), {more}),)\n"
    )


def intrinsics(name, functions="('rowmax',)", bridges="()"):
    made = f"IntrinsicSet({name!r}, 'htp_{name}.{name}', {functions}, '', {bridges})"
    return f"@hookimpl\ndef htp_intrinsics():\n    return ({made},)\n"


def handlers(backend, *names):
    return f"@hookimpl\ndef htp_handlers():\n    return (HandlerSet({backend!r}, __name__, {names!r}),)\n"


def passes(name):
    return f"class P(Pass):\n    name = {name!r}\n@hookimpl\ndef htp_passes():\n    return (P(),)"


def capability(owner, name="F"):
    return (
        f"@dataclass(frozen=True)\nclass {name}(Capability, owner={owner!r}):\n    pass\n"
        f"@hookimpl\ndef htp_capabilities():\n    return ({name},)"
    )


VARIANT = "Variant('x', Lazy('m:model'))"
FURTHER = "@hookimpl\ndef htp_targets():\n    return (Variant('x', Lazy('m:model'), '', 'b'),)\n"
CODES = "@hookimpl\ndef htp_diagnostics():\n    return (CodeFile('csp', 'm', 'csp.md'),)"
BINDING = "@hookimpl\ndef htp_bindings():\n    return (Binding('b', 'b.package/1', ('sim',), Lazy('m:load')),)"

CONFLICTS = {
    "dialect": (dialect("csp"), dialect("csp"), "plugin.duplicate-id", "the dialect `csp`"),
    "backend": (backend("b"), backend("b"), "plugin.duplicate-id", "the backend `b`"),
    "binding": (BINDING, BINDING, "plugin.duplicate-id", "the binding `b`"),
    "pass": (passes("fuse"), passes("fuse"), "plugin.duplicate-id", "the pass `fuse`"),
    "capability": (capability("x"), capability("x"), "plugin.duplicate-id", "the capability `x.F`"),
    "intrinsic set": (intrinsics("foo"), intrinsics("foo"), "plugin.duplicate-id", "the intrinsic set `foo`"),
    "code owner": (CODES, CODES, "plugin.duplicate-id", "the code owner `csp`"),
    "target of a backend": (backend("b", VARIANT + ","), FURTHER, "plugin.duplicate-id", "the target `b:x`"),
    "further target": (FURTHER, FURTHER, "plugin.duplicate-id", "the target `b:x`"),
    "program name": (
        dialect("one", "('blocks',)"),
        dialect("two", "(), ('blocks',)"),
        "plugin.duplicate-id",
        "the program name `blocks`",
    ),
    "program name of a set": (
        intrinsics("foo"),
        dialect("two", "('foo',)"),
        "plugin.duplicate-id",
        "the program name `foo`",
    ),
    "codes and dialect": (CODES, dialect("csp"), "plugin.namespace-taken", "the namespace `csp`"),
    "passes and set": (passes("foo.fuse"), intrinsics("foo"), "plugin.namespace-taken", "the namespace `foo`"),
    "capabilities": (capability("x"), capability("x", "G"), "plugin.namespace-taken", "the namespace `x`"),
}


@pytest.mark.parametrize(("one", "two", "code", "claim"), CONFLICTS.values(), ids=CONFLICTS)
def test_of_two_that_claim_the_same_neither_counts_and_each_names_the_other(site, one, two, code, claim):
    site.add("one", one)
    site.add("two", two)
    site.add("zebra")
    session = site.session()
    assert [each.name for each in session.quarantined] == ["one", "two"]
    assert "zebra" in session.dialects
    for name, other in (("one", "two"), ("two", "one")):
        problem = state(session, name).problem
        assert problem.code == code
        assert problem.message == (
            f"plugin `{name}` of htp-{name} 0.1.0 claims {claim}, and so does plugin `{other}` of htp-{other} 0.1.0"
        )
        assert problem.help == (
            "HTP_DISABLE_PLUGINS=two, to keep `one`",
            "HTP_DISABLE_PLUGINS=one, to keep `two`",
        )


@pytest.mark.parametrize(("one", "two", "code", "claim"), CONFLICTS.values(), ids=CONFLICTS)
def test_the_printed_command_settles_it(site, monkeypatch, one, two, code, claim):
    site.add("one", one)
    site.add("two", two)
    help = state(site.session(), "one").problem.help[0]
    monkeypatch.setenv(*help.partition(",")[0].split("="))
    session = site.session()
    assert [(each.name, each.state) for each in session.plugins if not each.found.builtin] == [
        ("one", "active"),
        ("two", "disabled"),
    ]


def test_three_are_each_told_of_the_two_others(site):
    for name in ("one", "six", "two"):
        site.add(name, dialect("csp"))
    session = site.session()
    assert [each.name for each in session.quarantined] == ["one", "six", "two"]
    assert "and so does plugin `one` of htp-one 0.1.0 and plugin `two` of htp-two 0.1.0" in (
        state(session, "six").problem.message
    )
    assert state(session, "six").problem.help[0] == "HTP_DISABLE_PLUGINS=six,two, to keep `one`"


def test_plugins_of_one_name_are_told_apart_by_their_distribution(site):
    site.add("one", dialect("first"), point="same")
    site.add("two", dialect("second"), point="same")
    session = site.session()
    assert {each.found.distribution for each in session.quarantined} == {"htp-one", "htp-two"}
    assert session.quarantined[0].problem.help[0] == "HTP_DISABLE_PLUGINS=htp-two, to keep `htp-one`"


def test_a_module_announced_by_two_distributions_is_not_even_imported(site):
    site.add("one", "raise SystemExit", module="made_both")
    site.add("two", None, module="made_both")
    session = site.session()
    assert [each.found.distribution for each in session.quarantined] == ["htp-one", "htp-two"]
    for plugin in session.quarantined:
        assert plugin.problem.code == "plugin.duplicate-id"
        assert "the entry point `made_both`" in plugin.problem.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (dialect("tile"), "claims the dialect `tile`, and so does plugin `tile` of htp-core 0.1.0"),
        (dialect("x", "('range',)"), "claims the program name `range`, and so does htp-core"),
        (dialect("x", "(), ('kernel',)"), "claims the program name `kernel`, and so does htp-core"),
        (intrinsics("f32"), "claims the program name `f32`, and so does htp-core"),
        (passes("tile.mine"), "claims the namespace `tile`, and so does plugin `tile` of htp-core 0.1.0"),
        (passes("annotate"), "claims the pass `annotate`, and so does plugin `tile` of htp-core 0.1.0"),
        (
            "@hookimpl\ndef htp_diagnostics():\n    return (CodeFile('plan', 'm', 'x'),)",
            "claims the code owner `plan`, and so does plugin `tile` of htp-core 0.1.0",
        ),
    ],
)
def test_what_is_cores_stays_cores(site, body, said):
    site.add("one", body)
    session = site.session()
    _ = session.passes
    assert [each.name for each in session.quarantined] == ["one"]
    assert said in state(session, "one").problem.message
    assert state(session, "one").problem.help[0] == "HTP_DISABLE_PLUGINS=one"


def test_a_plugin_that_claims_a_name_twice_is_told_so(site):
    site.add("one", "@hookimpl\ndef htp_dialects():\n    return (Dialect('x'), Dialect('x'))")
    assert "claims the dialect `x`, and so does itself, a second time" in state(site.session(), "one").problem.message


def test_one_distribution_may_use_its_namespace_in_several_plugins(site):
    site.add("one", passes("csp.fuse") + "\n" + dialect("csp"))
    found = [each.found for each in site.session().plugins]
    (own,) = [each for each in found if each.name == "one"]
    (site.root / "made_more.py").write_text((site.root / "made_one.py").read_text().replace("csp.fuse", "csp.more"))
    more = (site.root / "made_more.py").read_text().replace("Dialect('csp'", "Dialect('csp.more'")
    (site.root / "made_more.py").write_text(more)
    site.modules.append("made_more")
    session = Session([*found, Found("more", "made_more", own.distribution, own.version, own.requires)])
    assert session.quarantined == ()
    assert {"csp.fuse", "csp.more"} <= {each.name for each in session.passes}


OWNERS = {"set": intrinsics("foo"), "backend": backend("b")}


def add_owners(site, set_bridges="()", backend_bridges="()"):
    site.add("set", intrinsics("foo", bridges=set_bridges))
    site.add("backend", backend("b", more=f"bridges={backend_bridges}"))


def test_a_handler_of_anothers_intrinsic_for_anothers_backend_is_foreign(site):
    add_owners(site)
    site.add("alien", handlers("b", "foo.rowmax"))
    session = site.session()
    assert [each.name for each in session.quarantined] == ["alien"]
    problem = state(session, "alien").problem
    assert problem.code == "plugin.foreign-handler"
    assert problem.message == (
        "plugin `alien` of htp-alien 0.1.0 handles `foo.rowmax` for backend `b`, and owns neither"
    )
    assert problem.notes == (
        "`foo` belongs to plugin `set` of htp-set 0.1.0",
        "`b` belongs to plugin `backend` of htp-backend 0.1.0",
    )
    assert problem.help[0] == "HTP_DISABLE_PLUGINS=alien"
    assert '"htp-alien" in `bridges`' in problem.help[1]


@pytest.mark.parametrize("bridges", [{"set_bridges": "('htp-alien',)"}, {"backend_bridges": "('HTP_Alien',)"}])
def test_a_bridge_may_handle_what_it_does_not_own(site, bridges):
    add_owners(site, **bridges)
    site.add("alien", handlers("b", "foo.rowmax"))
    session = site.session()
    assert session.quarantined == ()
    assert list(session.handlers) == ["made_alien->b"]


@pytest.mark.parametrize("owner", ["set", "backend"])
def test_the_owner_of_the_set_or_of_the_backend_may_handle(site, owner):
    bodies = {"set": intrinsics("foo"), "backend": backend("b")}
    bodies[owner] += handlers("b", "foo.rowmax")
    for name, body in bodies.items():
        site.add(name, body)
    assert site.session().quarantined == ()


def test_a_handler_for_what_is_not_installed_is_not_judged(site):
    site.add("set", intrinsics("foo"))
    site.add("alien", handlers("b", "foo.rowmax", "gone.rowmax"))
    assert site.session().quarantined == ()


def test_a_foreign_handler_does_not_take_the_rightful_one_out(site):
    site.add("set", intrinsics("foo") + handlers("b", "foo.rowmax"))
    site.add("backend", backend("b"))
    site.add("alien", handlers("b", "foo.rowmax"))
    assert [each.name for each in site.session().quarantined] == ["alien"]


def test_of_two_rightful_handlers_neither_counts(site):
    site.add("set", intrinsics("foo", "('rowmax', 'rowsum')") + handlers("b", "foo.rowmax"))
    site.add("backend", backend("b") + handlers("b", "foo.rowmax", "foo.rowsum"))
    session = site.session()
    assert [each.name for each in session.quarantined] == ["backend", "set"]
    assert state(session, "set").problem.code == "plugin.duplicate-id"
    assert "claims the handler for backend `b` of `foo.rowmax`, and so does plugin `backend`" in (
        state(session, "set").problem.message
    )


def test_a_further_target_of_an_absent_backend_is_not_offered(site):
    site.add("one", FURTHER)
    session = site.session()
    assert session.quarantined == ()
    assert "b:x" not in session.targets


LATE = "@hookimpl\ndef htp_passes():\n    return (Lazy('made_{0}:P'),)\nclass P(Pass):\n    name = {1!r}\n"


def test_two_passes_of_one_name_that_are_loaded_late_take_both_plugins_out(site):
    site.add("one", LATE.format("one", "fuse"))
    site.add("two", LATE.format("two", "fuse"))
    session = site.session()
    assert session.quarantined == ()
    names = [each.name for each in session.passes]
    assert "fuse" not in names
    assert {"annotate", "normalize"} <= set(names)
    assert [each.problem.code for each in session.quarantined] == ["plugin.duplicate-id"] * 2


def test_the_namespace_of_a_pass_that_is_loaded_late_counts(site):
    site.add("one", LATE.format("one", "csp.fuse"))
    site.add("two", dialect("csp"))
    session = site.session()
    _ = session.passes
    assert [each.problem.code for each in session.quarantined] == ["plugin.namespace-taken"] * 2
    assert "csp" not in session.dialects


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("made_one:x", "plugin.bad-item", "leads to 3, which is no pass"),
        ("made_one:Q", "plugin.bad-item", "needs options"),
        ("made_one:R", "plugin.raised", "OSError: disk"),
        ("made_one:S", "plugin.bad-item", "whose `seen` is a list"),
        ("made_one:absent", "plugin.import-failed", "has no attribute 'absent'"),
        ("nowhere:P", "plugin.import-failed", "No module named 'nowhere'"),
    ],
)
def test_a_plugin_whose_late_pass_is_none_is_quarantined_when_passes_are_needed(site, path, code, said):
    site.add(
        "one",
        f"""
        x = 3

        @dataclass(frozen=True)
        class Q(Pass):
            size: int

        class R(Pass):
            def __init__(self):
                raise OSError("disk")

        class S(Pass):
            def __init__(self):
                self.seen = []

        @hookimpl
        def htp_passes():
            return (Lazy("{path}"),)
        """,
    )
    site.add("two", passes("two.fuse"))
    session = site.session()
    assert state(session, "one").state == "active"
    assert "two.fuse" in [each.name for each in session.passes]
    problem = state(session, "one").problem
    assert problem.code == code
    assert problem.message.startswith("plugin `one` of htp-one 0.1.0")
    assert said in problem.message
    assert problem.help == ("HTP_DISABLE_PLUGINS=one",)
