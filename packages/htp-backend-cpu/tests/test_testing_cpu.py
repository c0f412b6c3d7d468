"""The CPU plugin conforms, by the classes that third parties use."""

import os

from htp.testing import BackendConformance, BindingConformance, PassConformance, PluginConformance
from htp_backend_cpu.lower.loops import LowerToLoops
from htp_backend_cpu.lower.parallel import Parallelize
from htp_backend_cpu.lower.vectorize import Vectorize


class TestPlugin(PluginConformance):
    subject = "cpu"


class TestBinding(BindingConformance):
    subject = "cpu"


if os.environ.get("HTP_TEST_LONG") == "1":  # a thousand compilations, and every stage of a corpus

    class TestBackend(BackendConformance):
        subject = "cpu"

    class TestParallelize(PassConformance):
        subject = Parallelize()

    class TestLoops(PassConformance):
        subject = LowerToLoops()

    class TestVectorize(PassConformance):
        subject = Vectorize()

    class TestNarrowRows(PassConformance):
        subject = Vectorize(width=4)
