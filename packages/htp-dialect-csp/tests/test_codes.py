"""Every code of networks has a page; that its programs do what it says is a law of `PluginConformance`."""

import re
from importlib.resources import files

from htp.tools.codes import parse_pages

RAISED = re.compile(r'"(csp\.[a-z0-9-]+)"')
CORE = ("channels", "channel_time", "deadlocks", "networks", "payloads", "values")


def test_every_code_that_is_raised_has_a_page():
    own = [each.read_text() for each in files("htp_dialect_csp").iterdir() if each.name.endswith(".py")]
    core = [files("htp").joinpath(f"{each}.py").read_text() for each in CORE]
    raised = {code for text in (*own, *core) for code in RAISED.findall(text)}
    pages = {each.code for each in parse_pages(files("htp_dialect_csp").joinpath("codes/csp.md").read_text())}
    assert {"csp.deadlock", "csp.payload", "csp.moved"} <= raised
    assert raised - pages == set()
