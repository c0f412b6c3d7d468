"""The plugin conforms, by the classes that third parties use."""

import os

from htp.testing import (
    BackendConformance,
    BindingConformance,
    FacetConformance,
    IntrinsicConformance,
    PassConformance,
    PluginConformance,
)
from htp_backend_pto.layouts import OnChip, bias, l0a, l0b, l0c, l1, ub
from htp_backend_pto.lower.bound.bound import Bound
from htp_backend_pto.lower.overlap import Overlap
from htp_backend_pto.lower.place.place import Place
from htp_backend_pto.lower.select.select import Select
from htp_backend_pto.lower.split.split import Split
from htp_backend_pto.lower.sync.sync import Synchronize


class TestPlugin(PluginConformance):
    subject = "pto"


class TestBinding(BindingConformance):
    subject = "pto"


class TestOnChip(FacetConformance):
    subject = OnChip
    examples = (
        (ub(16, 64), (10, 60), 32),
        (ub(16, 64, at=32), (16, 64), 16),
        (ub(16, 64, at=4096), (16, 64), 16),
        (ub(64, 8, "dn"), (50, 8), 32),
        (ub(64, 1, "dn"), (64, 1), 32),
        (ub(8, 256, "bits"), (8, 200), 1),
        (l1(32, 32, box=8), (20, 30), 32),
        (l1(32, 32), (32, 32), 16),
        (l1(32, 32, "zn"), (32, 32), 16),
        (l0a(32, 64), (32, 64), 16),
        (l0b(64, 32), (60, 32), 16),
        (l0c(32, 32), (20, 30), 32),
        (bias(1, 64), (1, 64), 32),
    )


class TestAdd(IntrinsicConformance):
    subject = "pto.add"


if os.environ.get("HTP_TEST_LONG") == "1":  # a thousand compilations, and every stage of a corpus

    class TestBackend(BackendConformance):
        subject = "pto"
        target = "pto:a2a3sim"
        operations = ("abs", "any", "argmax", "cast", "dot", "equal", "floor", "iota", "mod", "sum", "take", "where")

    class TestSplit(PassConformance):
        subject = Split()

    class TestBound(PassConformance):
        subject = Bound()

    class TestSelect(PassConformance):
        subject = Select()

    class TestOverlap(PassConformance):
        subject = Overlap()

    class TestPlace(PassConformance):
        subject = Place()

    class TestSynchronize(PassConformance):
        subject = Synchronize()
