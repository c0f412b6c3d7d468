"""Every code of networks has a page; that its programs do what it says is a law of `PluginConformance`."""

import re
from importlib.resources import files

from htp.tools.codes import parse_pages

RAISED = re.compile(r'"(csp\.[a-z0-9-]+)"')
PASSES = {"csp.check", "csp.lower", "csp.tasks"}
CORE = ("channels", "channel_time", "deadlocks", "networks", "payloads", "signals", "values")


def test_every_code_that_is_raised_has_a_page():
    package = files("htp_dialect_csp")
    modules = [each for folder in ("", "lower", "tasks") for each in package.joinpath(folder).iterdir()]
    own = [each.read_text() for each in modules if each.name.endswith(".py")]
    core = [files("htp").joinpath(f"{each}.py").read_text() for each in CORE]
    raised = {code for text in (*own, *core) for code in RAISED.findall(text)}
    pages = {each.code for each in parse_pages(files("htp_dialect_csp").joinpath("codes/csp.md").read_text())}
    assert {"csp.deadlock", "csp.payload", "csp.moved", "csp.not-compiled", "csp.no-token"} <= raised
    assert raised - pages - PASSES == set()
