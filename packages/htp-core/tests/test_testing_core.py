"""Core's own plugins conform, by the classes that third parties use."""

from htp.lowering.annotate import Annotate
from htp.lowering.expand import ExpandIntrinsics
from htp.lowering.inline import InlineHelpers
from htp.lowering.normalize import Normalize
from htp.lowering.simplify import Simplify
from htp.session import current_session
from htp.strides import Strided
from htp.testing import DialectConformance, FacetConformance, PassConformance, PluginConformance


class TestTile(PluginConformance):
    subject = "tile"


class TestHost(PluginConformance):
    subject = "host"


class TestTileDialect(DialectConformance):
    subject = current_session().dialects["tile"]


class TestHostDialect(DialectConformance):
    subject = current_session().dialects["host"]


class TestStrided(FacetConformance):
    subject = Strided


class TestInline(PassConformance):
    subject = InlineHelpers()


class TestAnnotate(PassConformance):
    subject = Annotate()


class TestExpand(PassConformance):
    subject = ExpandIntrinsics()


class TestNormalize(PassConformance):
    subject = Normalize()


class TestSimplify(PassConformance):
    subject = Simplify()
