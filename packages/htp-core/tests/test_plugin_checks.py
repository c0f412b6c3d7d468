"""What `htp plugins` and `htp doctor` find beside broken plugins: stale installations, heavy imports, unknown names."""

import json
import subprocess
import sys

import pytest

from htp._impl.gates import _verdict
from htp.cli import main
from htp.plugins import Found, discover, unmatched
from htp.session import use_session
from htp.tools import import_cost as costs
from htp.tools.import_cost import ImportCost, heavy_imports, import_cost
from htp.tools.listing import list_stale


def told(capsys, session, verb):
    with use_session(session):
        main([verb, "--format", "json"])
    return json.loads(capsys.readouterr().out)


def project(folder, text):
    folder.mkdir()
    (folder / "pyproject.toml").write_text(text)
    return folder


def declares(**points):
    lines = "".join(f'{name} = "{value}"\n' for name, value in points.items())
    return f'[project]\nname = "htp-halo"\n[project.entry-points."htp.plugins"]\n{lines}'


STALE = {
    "renamed": (
        declares(ring="made_halo"), ("`halo` (`made_halo`) is installed and no", "`ring` (`made_halo`) is decl")
    ),
    "moved": (declares(halo="halo.plugin"), ("plugin `halo` is `halo.plugin` by now, and `made_halo` is installed",)),
    "further": (declares(halo="made_halo", ring="r"), ("plugin `ring` (`r`) is declared and not installed",)),
    "none left": (
        '[project]\nname = "htp-halo"\n', ("plugin `halo` (`made_halo`) is installed and no longer declared",)
    ),
}


@pytest.mark.parametrize(("text", "notes"), STALE.values(), ids=STALE)
def test_an_editable_installation_whose_entry_points_changed_is_found(site, tmp_path, capsys, monkeypatch, text, notes):
    monkeypatch.setattr(costs, "import_cost", lambda values, path=None: ImportCost(0.0, ()))
    folder = project(tmp_path / "a project", text)
    site.add("halo", project=folder)
    site.add("zebra")
    session = site.session()
    answer = told(capsys, session, "plugins")
    (finding,) = [each for each in answer["diagnostics"] if str(folder) in each["message"]]
    assert finding["code"] == "plugin.stale-entry-points"
    assert finding["message"] == f"htp_halo was installed from {folder} before its entry points changed"
    assert len(finding["notes"]) == len(notes)
    assert all(want in said for want, said in zip(notes, finding["notes"], strict=True))
    assert finding["help"] == [f"pip install -e {folder}", "in a hatch workspace: hatch env prune"]
    states = {each["name"]: each["status"] for each in answer["result"]["plugins"]}
    assert (states["halo"], states["zebra"]) == ("active", "active")
    (check,) = [each for each in told(capsys, session, "doctor")["result"]["checks"] if str(folder) in each["found"]]
    assert (check["ok"], check["needed"], check["code"]) == (False, False, "plugin.stale-entry-points")
    assert check["fix"] == f"pip install -e {folder}"


@pytest.mark.parametrize(
    "text",
    [
        declares(halo="made_halo"),
        '[project]\nname = "htp-halo"\ndynamic = ["entry-points"]\n',
        '[tool.poetry]\nname = "htp-halo"\n',
        "this is no toml",
    ],
    ids=["as recorded", "dynamic", "no project table", "unreadable"],
)
def test_what_is_as_recorded_or_cannot_be_told_is_no_finding(site, tmp_path, text):
    folder = project(tmp_path / "halo", text)
    site.add("halo", project=folder)
    assert [each for each in list_stale() if str(folder) in each.message] == []


def test_a_project_that_was_never_editable_is_no_finding(site, tmp_path):
    site.add("halo")
    site.add("wheel", project=project(tmp_path / "gone", declares()))
    info = site.root / "htp_wheel-0.1.0.dist-info" / "direct_url.json"
    info.write_text(info.read_text().replace('{"editable": true}', "{}"))
    site.add("odd")
    (site.root / "htp_odd-0.1.0.dist-info" / "direct_url.json").write_text("not json")
    assert [each for each in list_stale() if "htp_" in each.message.split()[0]] == []


def test_the_commands_find_a_stale_installation_in_a_process_of_their_own(site, tmp_path):
    folder = project(tmp_path / "halo", declares(ring="made_halo"))
    site.add("halo", project=folder)
    for verb in ("plugins", "doctor"):
        command = [sys.executable, "-m", "htp", verb]
        done = subprocess.run(command, env=site.environment, capture_output=True, text=True, check=True)
        assert f"htp_halo was installed from {folder} before its entry points changed" in done.stdout + done.stderr
        assert f"pip install -e {folder}" in done.stdout + done.stderr


def test_an_entry_point_of_an_editable_project_that_leads_nowhere_names_the_project(site, tmp_path):
    folder = project(tmp_path / "halo", declares(halo="halo.plugin"))
    site.add("halo", None, project=folder)
    (plugin,) = [each for each in site.session().plugins if each.name == "halo"]
    assert plugin.problem.code == "plugin.import-failed"
    assert "its entry point names the module `made_halo`, which does not exist" in plugin.problem.message
    assert plugin.problem.help == (f"pip install -e {folder}",)


def test_a_heavy_import_is_found_and_the_plugin_stays(site, capsys):
    site.add("fat", "import numpy\nprint('loaded')" + site.GOOD.format("fat"))
    site.add("both", "import numpy.linalg")
    site.add("thin")
    session = site.session()
    assert session.quarantined == ()
    assert capsys.readouterr() == ("", "loaded\n")  # standard output is for answers
    checks = [each for each in told(capsys, session, "doctor")["result"]["checks"] if each["code"]]
    assert [each["subject"] for each in checks] == ["import of plugin both", "import of plugin fat"]
    for check in checks:
        assert check["code"] == "plugin.heavy-import"
        assert (check["ok"], check["needed"]) == (False, False)
        assert "imports numpy when it is loaded: " in check["found"]
        assert "Lazy(" in check["fix"]
    assert "plugin `fat` of htp-fat 0.1.0" in checks[1]["found"]
    assert "fat" in session.dialects


def test_the_cost_of_an_import_is_measured_in_a_fresh_process(site):
    site.add("slow", "import time, made_beside\ntime.sleep(0.05)")
    (site.root / "made_beside.py").write_text("")
    cost = import_cost(["made_slow"], [str(site.root), *sys.path])
    assert {"made_slow", "made_beside"} <= set(cost.modules)
    assert cost.milliseconds >= 50
    assert not any(each.startswith("htp") for each in cost.modules)
    assert cost.heavy == ()
    assert "made_slow" not in sys.modules


def test_a_plugin_that_cannot_be_imported_is_no_heavy_one(site):
    site.add("bad", "import nowhere_at_all")
    assert heavy_imports([Found("bad", "made_bad", "htp-bad")]) == ()


def test_core_and_the_cpu_backend_are_light():
    assert heavy_imports(discover()) == ()


def test_a_disabled_name_that_matches_nothing_is_reported(site, capsys, monkeypatch):
    site.add("halo")
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "hallo, HTP_Halo,*, no-such-thing,")
    session = site.session()
    assert unmatched([each.found for each in session.plugins]) == ("hallo", "no-such-thing")
    checks = [each for each in told(capsys, session, "doctor")["result"]["checks"] if "DISABLE" in each["subject"]]
    assert [each["found"] for each in checks] == [
        "names `hallo`, which is no plugin and no distribution",
        "names `no-such-thing`, which is no plugin and no distribution",
    ]
    assert checks[0]["fix"] == "write halo"
    assert not any(each["ok"] or each["needed"] for each in checks)


def test_disabling_by_name_by_distribution_and_by_star(site, monkeypatch):
    for name in ("one", "two", "zoo"):
        site.add(name)
    for text, left in (("one", ["two", "zoo"]), ("HTP.Two,one", ["zoo"]), ("*", []), ("", ["one", "two", "zoo"])):
        monkeypatch.setenv("HTP_DISABLE_PLUGINS", text)
        session = site.session()
        assert [each.name for each in session.plugins if each.state == "active" and not each.found.builtin] == left
        assert {"tile", "host"} <= set(session.dialects)
        for name in {"one", "two", "zoo"} - set(left):
            assert name not in session.dialects


def test_a_disabled_plugin_is_not_imported(site, monkeypatch):
    site.add("one", "raise SystemExit")
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "one")
    site.session()
    assert "made_one" not in sys.modules


def test_pages_that_cannot_be_read_take_their_plugin_out(site, capsys):
    site.add("one", "@hookimpl\ndef htp_diagnostics():\n    return (CodeFile('one', 'htp', 'codes/absent.md'),)")
    session = site.session()
    codes = {each["code"] for each in told(capsys, session, "explain")["result"]["codes"]}
    assert {"plan.no-order", "type.shape-mismatch"} <= codes
    (plugin,) = [each for each in session.plugins if each.name == "one"]
    assert plugin.problem.code == "plugin.bad-item"
    assert "the pages of `one` cannot be read" in plugin.problem.message


def test_a_plugin_has_pages_only_for_its_own_codes(site):
    body = "@hookimpl\ndef htp_diagnostics():\n    return (CodeFile('one', 'made_pages', 'one.md'),)"
    site.add("one", body)
    package = site.root / "made_pages"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "one.md").write_text("## one.mine\n\nMine.\n\n## plan.no-order\n\nStolen.\n")
    session = site.session()
    assert session.codes["one.mine"].summary == "Mine."
    assert session.codes["plan.no-order"].plugin == "tile"


def test_the_plain_form_of_a_requirement_is_judged_as_packaging_does(monkeypatch):
    from packaging.requirements import Requirement

    from htp._impl import gates

    releases = ("0", "0.1", "0.1.0", "0.2", "1", "1.0.0", "1.9", "1.10", "2")
    for version in ("0.1.0", "0.1", "1.0", "0.2.3", "1.10", "2"):
        monkeypatch.setattr(gates, "__version__", version)
        _verdict.cache_clear()
        for least in releases:
            for below in releases:
                for text in (f"htp-core>={least},<{below}", f"htp_core <{below},>={least}", f"htp-core>={least}"):
                    assert gates._PLAIN.fullmatch(text)
                    met = Requirement(text).specifier.contains(version, prereleases=True)
                    assert _verdict(text) == ("met" if met else "unmet"), (version, text)
    _verdict.cache_clear()
