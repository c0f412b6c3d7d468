"""What the plugin announces, and that whoever never names the target does not pay for it."""

from htp.tools.import_cost import import_cost
from htp_backend_pto import isa, names


def test_names_are_those_of_the_table():
    assert sorted(names.INSTRUCTIONS) == sorted(isa.INSTRUCTIONS)


def test_the_announcement_loads_declarations_only():
    own = [each for each in import_cost(["htp_backend_pto.plugin"]).modules if each.startswith("htp_backend_pto.")]
    assert own == [f"htp_backend_pto.{each}" for each in ("forms", "layouts", "names", "plugin")]
