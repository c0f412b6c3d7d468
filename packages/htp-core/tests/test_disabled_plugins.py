"""What is said of plugins that HTP_DISABLE_PLUGINS leaves out: the variable, never an installation."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from htp import cli
from htp._impl.obtaining import obtaining
from htp.bindings import bind_package
from htp.diagnostics import Refused
from htp.plugins import Found, Plugin
from htp.session import Session, use_session
from htp.tools.doctor import examine

LEFT_OUT = "unset HTP_DISABLE_PLUGINS, or take `cpu` out of it"
REASON = "plugin `cpu` is installed and left out by HTP_DISABLE_PLUGINS"


@pytest.fixture
def without_cpu(monkeypatch):
    monkeypatch.setenv("HTP_DISABLE_PLUGINS", "cpu")
    cpu = Found("cpu", "htp_backend_cpu.plugin", "htp-backend-cpu", "0.1.0", ("htp-core",))
    with use_session(Session([cpu])) as session:
        yield session


def test_a_package_that_its_binding_cannot_load(without_cpu, monkeypatch):
    contract = SimpleNamespace(name="cpu.package", version=1)
    package = SimpleNamespace(path=Path("double"), manifest=SimpleNamespace(contract=contract))
    monkeypatch.setattr("htp.bindings._opened", lambda given: given)
    with pytest.raises(Refused) as caught:
        bind_package(current(), package)
    assert caught.value.code == "bind.no-binding"
    assert caught.value.diagnostic.help == (LEFT_OUT,)
    assert [each.text for each in caught.value.diagnostic.chain] == [REASON]


def current():
    from htp.session import current_session

    return current_session()


def test_the_doctor_does_not_say_to_install_it(without_cpu):
    (targets,) = [each for each in examine() if each.subject == "targets"]
    assert (targets.ok, targets.fix) == (False, LEFT_OUT)


def test_its_demo(without_cpu, capsys):
    assert cli.main(["demo", "--format", "json"]) != 0
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["message"], found["help"]) == ("there is no demo to run", [LEFT_OUT])


def test_a_plain_fact_is_that_of_a_plugin_of_core():
    tile = Plugin(Found("tile", "htp.builtin.tile_plugin", "htp-core", "0.1.0"), "disabled")
    found = obtaining("fact", "Normalized", (tile,))
    assert found.text == "unset HTP_DISABLE_PLUGINS, or take `tile` out of it"
    assert obtaining("fact", "csp.Bounded", (tile,)).text == "pip install htp-dialect-csp"
