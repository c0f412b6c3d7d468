"""The CSP plugin and its dialect conform, by the classes that third parties use."""

from small_networks import copied, feedback, moved, nested, scaled, squares

from htp.testing import DialectConformance, PluginConformance
from htp.testing.programs import Sample
from htp_dialect_csp.plugin import htp_dialects


class TestPlugin(PluginConformance):
    subject = "csp"


class TestDialect(DialectConformance):
    subject = htp_dialects()[0]
    programs = (squares, copied, nested, scaled, moved, Sample(feedback, {"N": 3}))
