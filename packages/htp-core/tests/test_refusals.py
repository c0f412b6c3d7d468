"""What a person reads when nothing fits together: cause, place, chain, and only help that was tried."""

import importlib.util
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from htp.capabilities import Captured, DialectUse, DTypeUse, IntrinsicUse, OpUse
from htp.diagnostics import LINES, Diagnostic, Reason, Refused, Span, render
from htp.environment import Environment
from htp.passes import Pass
from htp.planner import find_plan, problem_for

HERE = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("toys", HERE / "toys.py")
toys = importlib.util.module_from_spec(SPEC)
sys.modules["toys"] = toys
SPEC.loader.exec_module(toys)
TILE, CSP, EXP, F64 = toys.TILE, toys.CSP, toys.EXP, toys.F64


def refusal(session, target, *uses, pins=(), forbids=()):
    """Why a program with these uses cannot be compiled for the target."""
    here = Environment.of(target, session)
    program = toys.program(*uses)
    if found := here.check(program):
        return Refused.of(*found)
    problem = problem_for(program, here, pins=pins, forbids=frozenset(forbids))
    with pytest.raises(Refused) as caught:
        find_plan(problem)
    return caught.value


def long_chain():
    """Twenty facts of which each needs the next, and nobody provides the last."""

    @dataclass(frozen=True)
    class Link(toys.Capability, owner="toy"):
        number: int = 0

    def link(number):
        class Made(Pass):
            name = f"link-{number:02}"
            requires = (Link(number=number + 1),)
            provides = (Link(number=number),)

        return Made()

    passes = [link(number) for number in range(20)]
    return toys.session(backends=(toys.backend("deep", (Link(number=0),), (DialectUse("tile"),)),), passes=passes)


def case(name):
    """A refusal by the name of its golden file."""
    session = toys.session()
    if name == "dialect_to_install":
        return refusal(toys.session(backends=(toys.SMALL,)), "small", TILE, CSP)
    if name == "dialect_in_quarantine":
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("htp._impl.editable.project_of", lambda distribution: None)
            session = toys.session(toys.broken("csp", "htp-dialect-csp"), backends=(toys.SMALL,))
            return refusal(session, "small", TILE, CSP)
    if name == "dialect_left_out":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HTP_DISABLE_PLUGINS", "csp")
            installed = toys.plugin("csp", "htp-dialect-csp", htp_dialects=(toys.DIALECT,))
            return refusal(toys.session(installed, backends=(toys.SMALL,)), "small", TILE, CSP)
    if name == "dialect_of_another_target":
        installed = toys.plugin("csp", "htp-dialect-csp", htp_dialects=(toys.DIALECT,))
        return refusal(toys.session(installed), "small", TILE, CSP)
    if name == "intrinsic_of_another_backend":
        return refusal(toys.session(htp_handlers=(toys.HANDLERS,)), "small", TILE, EXP)
    if name == "intrinsic_misspelled":
        wrong = (IntrinsicUse("toy.expp"), *EXP[1:])
        return refusal(toys.session(htp_handlers=(toys.HANDLERS,)), "big", TILE, wrong)
    if name == "dtype_the_target_lacks":
        return refusal(session, "small", TILE, F64)
    if name == "directive_rejected":
        return refusal(session, "small", TILE, toys.STEAL)
    if name == "directive_misspelled":
        return refusal(session, "small", TILE, toys.WINDOW)
    if name == "two_at_once":
        return refusal(toys.session(backends=(toys.SMALL,)), "small", TILE, CSP, F64)
    if name == "fact_of_a_package":
        session = toys.session(backends=(toys.MAPPED,), passes=(toys.Infer(), toys.MapTiles()))
        return refusal(session, "mapped", TILE)
    if name == "fact_with_other_fields":
        return refusal(toys.session(backends=(toys.WIDE,), passes=(toys.Infer(), toys.Rows())), "wide", TILE)
    if name == "use_that_a_pass_brings_in":
        return refusal(toys.session(passes=(toys.Infer(), toys.Streams()), backends=(toys.SMALL,)), "small", TILE, CSP)
    if name == "pass_forbidden":
        return refusal(session, "small", TILE, forbids=("infer",))
    if name == "pin_that_destroys":
        kept = toys.backend("kept", (Captured(),), (DialectUse("tile"),))
        return refusal(toys.session(backends=(kept,), passes=(toys.Wreck(),)), "kept", TILE, pins=("wreck",))
    assert name == "long_chain"
    return refusal(long_chain(), "deep", TILE)


CASES = [
    "dialect_to_install", "dialect_in_quarantine", "dialect_left_out", "dialect_of_another_target",
    "intrinsic_of_another_backend",
    "intrinsic_misspelled", "dtype_the_target_lacks", "directive_rejected", "directive_misspelled", "two_at_once",
    "fact_of_a_package", "fact_with_other_fields", "use_that_a_pass_brings_in", "pass_forbidden", "pin_that_destroys",
    "long_chain",
]  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_refusal_reads_as_written_down(name, request):
    text = f"{case(name)}\n"
    golden = HERE / "golden_refusals" / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text)
    assert text == golden.read_text()
    assert text == f"{case(name)}\n"


@pytest.mark.parametrize("name", CASES)
def test_a_finding_has_a_place_and_takes_fifteen_lines_at_most(name):
    for each in case(name).diagnostics:
        lines = render(each).splitlines()
        assert len(lines) <= 15
        assert len(lines[0]) <= 160
        assert each.span is not None
        assert "^ needs " in render(each) or each.code == "plan.no-order"


def test_every_golden_file_belongs_to_a_case():
    assert {each.stem for each in (HERE / "golden_refusals").glob("*.txt")} == set(CASES)


def chain_texts(refused):
    return [each.text for each in refused.diagnostic.chain]


def test_help_that_would_not_help_is_left_out():
    """`big.map` also wants types, which nobody infers here: a package of channels alone leads nowhere."""
    session = toys.session(backends=(toys.MAPPED,), passes=(toys.MapTiles(),))
    refused = refusal(session, "mapped", TILE)
    assert refused.code == "plan.no-provider"
    assert refused.diagnostic.help == ()


def test_edits_that_help_only_together_share_a_line():
    wants_none = toys.backend("kept", (Captured(),), (DialectUse("tile"),))

    class Other(Pass):
        name = "other"
        invalidates = (Captured(),)

    session = toys.session(backends=(wants_none,), passes=(toys.Wreck(), Other()))
    refused = refusal(session, "kept", TILE, pins=("wreck", "other"))
    assert refused.diagnostic.help == ("do not pin `wreck`; do not pin `other`",)


def test_the_pins_of_a_backend_are_not_the_user_s_to_drop():
    own = toys.backend("kept", (Captured(),), (DialectUse("tile"),), passes=("wreck",))
    refused = refusal(toys.session(backends=(own,), passes=(toys.Wreck(),)), "kept", TILE)
    assert refused.code == "plan.no-order"
    assert refused.diagnostic.help == ()


def test_at_most_three_targets_are_named():
    others = tuple(toys.backend(f"t{n}", accepts=(DialectUse("tile"), DTypeUse("f64"))) for n in range(5))
    refused = refusal(toys.session(backends=(toys.SMALL, *others)), "small", TILE, F64)
    assert refused.diagnostic.help[-1] == "`--target t0`, `--target t1` or `--target t2` accepts this program"


def test_operations_of_a_refused_dialect_are_not_told_again():
    send = (OpUse("csp.send"), 7, "toy.exp(x[:])")
    refused = refusal(toys.session(backends=(toys.SMALL,)), "small", TILE, CSP, send)
    assert [each.message.split("understands ")[1] for each in refused.diagnostics] == ["dialect `csp` there"]


def test_several_places_are_counted_under_the_first():
    (use, line, text) = F64
    here = Environment.of("small", toys.session())
    program = toys.program(TILE, (use, line, text))
    spans = program.uses[1].spans * 3
    (found,) = here.check(replace(program, uses=(replace(program.uses[1], spans=spans),)))
    assert found.label == "needs dtype `f64` (and 2 more places)"


def test_a_plugin_called_like_the_missing_dialect_is_looked_up_though_no_catalogue_knows_it():
    ring = (DialectUse("ring"), 4, "@process")
    refused = refusal(toys.session(toys.broken("ring", "somebody-ring"), backends=(toys.SMALL,)), "small", TILE, ring)
    assert "in quarantine: plugin `ring` of somebody-ring 0.1.0" in str(refused)
    unknown = refusal(toys.session(backends=(toys.SMALL,)), "small", TILE, ring)
    assert unknown.diagnostic.help == ()


def test_the_same_structure_goes_out_as_data():
    found = case("fact_of_a_package").diagnostic
    data = json.loads(msgspec.json.encode(found))
    assert data["chain"][0] == {"text": "`mapped` wants `big.Mapped()`", "by": "htp-toy 1.2.0"}
    assert data["label"] == "needs `csp.ChannelGraph()`"
    assert msgspec.json.decode(msgspec.json.encode(found), type=Diagnostic) == found


def test_everything_is_drawn_on_request():
    found = case("long_chain").diagnostic
    assert len(render(found).splitlines()) == LINES
    everything = render(found, limit=None).splitlines()
    assert len([line for line in everything if line.startswith("   = ")]) == 21
    assert not [line for line in everything if "more;" in line]


@pytest.mark.parametrize(("reasons", "helps"), [(0, 0), (10, 0), (11, 0), (14, 0), (15, 0), (40, 3), (40, 20)])
def test_the_middle_of_long_reasons_is_left_out(reasons, helps):
    chain = tuple(Reason(text=f"reason {number}") for number in range(reasons))
    found = Diagnostic(code="plan.x", message="no", chain=chain, help=tuple(f"h{n}" for n in range(helps)))
    lines = render(found).splitlines()
    shown = [line.removeprefix("   = ") for line in lines if line.startswith("   = ")]
    assert len(lines) <= max(LINES, 1 + 3 + helps)
    assert len(lines) == 1 + reasons + helps or "more; `htp plan … --why` prints all" in "".join(shown)
    if reasons:
        assert (shown[0], shown[-1]) == ("reason 0", f"reason {reasons - 1}")


def test_a_label_stands_behind_the_carets(tmp_path):
    file = tmp_path / "user.py"
    file.write_text("x = foo(1)\n")
    span = Span(file=str(file), line=1, column=5, end_line=1, end_column=11)
    refused = Refused("plan.x", "no", span=span, label="here")
    assert "   |     ^^^^^^ here" in str(refused)


def test_facts_the_target_offers_are_kept_apart_from_what_it_refuses():
    here = Environment.of("small", toys.session(htp_handlers=(toys.HANDLERS,)))
    there = Environment.of("big", toys.session(htp_handlers=(toys.HANDLERS,)))
    assert dict(here.handlers) == {}
    assert set(there.handlers) == {"toy.exp", "toy.log"}
    uses = (DTypeUse("f64"), DTypeUse("f32"), IntrinsicUse("toy.exp"), OpUse("tile.exp"))
    assert here.refused(uses) == (DTypeUse("f64"), IntrinsicUse("toy.exp"))
    assert there.refused(uses) == ()
    silent = toys.backend("silent", accepts=(OpUse("*"),))
    assert Environment.of("silent", toys.session(backends=(silent,))).refused(uses[:2]) == ()


def test_directives_go_out_with_what_becomes_of_them():
    session = toys.session()
    here = Environment.of("small", session)
    program = toys.program(TILE, (toys.DirectiveUse("task_window"), 6, "mesh.window(3)"),
                           (toys.DirectiveUse("tiling"), 6, "mesh.window(3)"))  # fmt: skip

    class Tiling(Pass):
        eliminates = (toys.DirectiveUse("tiling"),)

    told = here.directives(program, [Tiling()])
    assert [(each.directive, each.outcome, each.by) for each in told] == [
        ("task_window", "enforced", "backend small"),
        ("tiling", "lowered", "pass tiling"),
    ]


def test_a_directive_may_have_another_outcome_beside_another_one():
    made = toys.backend(
        "made",
        directives=(("dispatch", "ignored"), ("bind", "lowered")),
        beside=(("dispatch", "bind", "static"),),
    )
    here = Environment.of("made", toys.session(backends=(made,)))
    alone = toys.program(TILE, (toys.DirectiveUse("dispatch"), 6, "mesh.window(3)"))
    both = toys.program(TILE, (toys.DirectiveUse("dispatch"), 6, "mesh.window(3)"),
                        (toys.DirectiveUse("bind"), 6, "mesh.window(3)"))  # fmt: skip
    assert [each.outcome for each in here.directives(alone, [])] == ["ignored"]
    assert [(each.directive, each.outcome) for each in here.directives(both, [])] == [
        ("dispatch", "static"),
        ("bind", "lowered"),
    ]
    assert [each.severity for each in here.ignored(alone, [])] == ["warning"]
    assert here.ignored(both, []) == ()


def test_a_directive_is_accepted_by_the_table_only():
    wide = toys.backend("wide", accepts=(toys.DirectiveUse("*"),))
    here = Environment.of("wide", toys.session(backends=(wide,)))
    assert here.refused((toys.DirectiveUse("x"),)) == (toys.DirectiveUse("x"),)


def test_a_misspelled_pass_is_corrected_only_to_one_that_leads_on():
    session = toys.session()
    unlike = refusal(session, "small", TILE, pins=("infre", "nonsense"))
    assert (unlike.code, unlike.diagnostic.help) == ("plan.unknown-pass", ("did you mean `infer`?",))
    listing = ("`htp plugins NAME` lists the passes of a plugin",)
    assert refusal(session, "small", TILE, forbids=("infre",)).diagnostic.help == listing


def test_a_target_that_is_left_out_is_not_to_be_installed(monkeypatch):
    big = toys.plugin("big", "htp-backend-aie", htp_backends=(toys.backend("aie"),))
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "big")
    with pytest.raises(Refused) as caught:
        Environment.of("aie", toys.session(big))
    assert caught.value.code == "plan.unknown-target"
    assert caught.value.diagnostic.help == ("unset HTP_DISABLE_PLUGINS, or take `big` out of it",)
    monkeypatch.delenv("HTP_DISABLE_PLUGINS")
    with pytest.raises(Refused) as caught:
        Environment.of("aie", toys.session())
    assert caught.value.diagnostic.help == ("pip install htp-backend-aie",)


@pytest.mark.parametrize(
    ("line", "code", "help"),
    [
        ("from htp_dialect_csp import process", "plan.no-provider", ("pip install htp-dialect-csp",)),
        ("import htp_layout_arknife.profiles", "plan.no-provider", ("pip install htp-layout-arknife",)),
        ("import nowhere_at_all", "capture.import-failed", ()),
    ],
)
def test_an_import_of_a_package_that_is_not_installed(tmp_path, uninstall, line, code, help):
    from htp.tools.load import load_module

    uninstall(line.split()[1].partition(".")[0])
    file = tmp_path / "user.py"
    file.write_text(f"import htp\n{line}\n")
    with pytest.raises(Refused) as caught:
        load_module(file)
    found = caught.value.diagnostic
    assert (found.code, found.help, found.span.line) == (code, help, 2)
