"""The architecture model, held against the published sizes of the memories."""

import pytest

from htp.session import current_session
from htp_backend_pto.layouts import FORMS
from htp_backend_pto.model import a2a3, a2a3sim


@pytest.mark.parametrize("model", [a2a3(), a2a3sim()], ids=lambda each: each.name)
def test_the_model_contradicts_itself_nowhere(model):
    assert model.check() == ()
    assert type(model).from_json(model.to_json()) == model


@pytest.mark.parametrize(
    ("space", "limit"),
    [
        ("ub", 188416), ("l1", 524288), ("l0a", 65536), ("l0b", 65536), ("l0c", 131072), ("bias", 1024),
        ("scaling", 2048), ("l2", None),
    ],
)  # fmt: skip
def test_what_a_program_may_occupy(space, limit):
    assert a2a3().space(space).limit == limit
    assert a2a3().space("ub").capacity == 196608


@pytest.mark.parametrize(
    ("src", "dst", "path"),
    [
        ("gm", "l0a", ["mte2.gm_l1", "mte1.l1_l0a"]),
        ("ub", "l0a", ["mte3.ub_gm", "mte2.gm_l1", "mte1.l1_l0a"]),
        ("l0c", "ub", ["fix.l0c_gm", "mte2.gm_ub"]),
    ],
)
def test_ways_between_memories(src, dst, path):
    assert [each.name for each in a2a3().path(src, dst)] == path


def test_the_simulator_differs_in_the_form_of_l0a_alone():
    assert a2a3().space("l0a").forms == ("zz",)
    assert a2a3sim().space("l0a").forms == ("nz",)


def test_spaces_take_the_forms_that_tiles_have():
    for space, forms in FORMS.items():
        assert set(a2a3().space(space).forms) == set(forms)


@pytest.mark.parametrize("name", ["pto:a2a3sim", "pto:a2a3"])
def test_both_variants_are_targets(name):
    assert current_session().target(name).variant == name.partition(":")[2]
