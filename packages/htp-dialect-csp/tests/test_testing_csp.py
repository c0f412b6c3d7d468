"""The CSP plugin conforms, by the class that third parties use."""

from htp.testing import PluginConformance


class TestPlugin(PluginConformance):
    subject = "csp"
