"""The kit itself: how laws fail, are skipped and counted, in pytest, and as `htp conform`."""

import json
import os
import subprocess
import sys
from unittest import SkipTest

import pytest

import htp.testing
from htp import f32
from htp.cli import main
from htp.diagnostics import Bug
from htp.testing import Broken, Conformance, PluginConformance, Undeclared
from htp.testing.corpus import KERNELS
from htp.testing.law import broken, law, shared, undeclared
from htp.testing.operations import operation_kernel, operations
from htp.testing.programs import Outcome, Sample, difference, outcomes, samples
from htp.testing.run import check

MADE = []


class Numbers(Conformance[int]):
    kind = "number"

    @shared
    def double(self):
        MADE.append(self.tested)
        return 2 * self.tested

    @law
    def test_is_small(self) -> None:
        """A number is
        below ten.

        There is more to say.
        """
        if self.tested >= 10:
            broken(f"{self.tested}", "take a smaller one")

    @law
    def test_is_counted(self) -> None:
        """A number has a half."""
        self.notes["test_is_counted"] = f"double {self.double}"
        if self.tested % 2:
            undeclared("Number.even", "it declares that it is odd")

    @law
    def test_is_divisor(self) -> None:
        """A number divides a hundred."""
        _ = self.double
        if 100 % self.tested:
            raise Bug("no divisor")

    @law
    def test_is_liked(self) -> None:
        """Everybody likes it."""
        if self.tested == 4:
            raise SkipTest("not today")

    def helper(self) -> None:
        """No law."""


def outcomes_of(subject):
    unit = type("Of", (Numbers,), {"subject": subject})
    return {each.law: (each.outcome, each.reason, each.note) for each in check(unit)}


def test_a_law_holds_fails_or_is_skipped_and_says_why():
    found = outcomes_of(13)
    said = "number `13` breaks a law\nlaw: {}\noffender: {}\nmend: {}"
    assert found["is_small"] == ("failed", said.format("A number is below ten.", "13", "take a smaller one"), "")
    assert found["is_counted"] == ("skipped", "Number.even: it declares that it is odd", "double 26")
    raised = said.format("A number divides a hundred.", "it raised Bug: no divisor", "mend what raises it; it is a bug")
    assert found["is_divisor"] == ("failed", raised, "")
    assert list(found) == ["is_small", "is_counted", "is_divisor", "is_liked"]
    assert {each: one for each, (one, _, _) in outcomes_of(4).items()} == {
        "is_small": "passed", "is_counted": "passed", "is_divisor": "passed", "is_liked": "failed",
    }  # fmt: skip


def test_a_skip_that_names_no_capability_is_a_failure():
    assert outcomes_of(4)["is_liked"][1] == "skipped without naming a capability: not today"


def test_shared_values_are_made_once_for_a_class():
    MADE.clear()
    outcomes_of(5)
    outcomes_of(7)
    assert MADE == [5, 7]


def test_a_class_without_a_subject_says_so():
    with pytest.raises(Broken, match="`Numbers` has no subject"):
        Numbers().test_is_small()


def test_what_a_law_raises_are_the_exceptions_test_frameworks_know():
    assert issubclass(Broken, AssertionError)
    assert issubclass(Undeclared, SkipTest)


@pytest.mark.parametrize("name", [each for each in htp.testing.__all__ if each.endswith("Conformance")])
def test_every_law_is_one_sentence_or_more(name):
    unit = getattr(htp.testing, name)
    assert len(unit.laws()) >= (0 if name == "Conformance" else 5)
    for each in unit.laws():
        text = getattr(unit, each).__doc__.strip()
        assert text.split("\n\n")[0].endswith("."), f"{name}.{each}"
    assert set(unit.laws()) == {each for each in dir(unit) if each.startswith("test_")}


def test_importing_the_kit_is_cheap():
    code = "import htp.testing, sys; print('numpy' in sys.modules, 'htp.testing.law' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_the_corpus_is_tried_on_tails_empty_arrays_and_extremes():
    assert len(KERNELS) == 15
    names = {case.name for sample in samples(KERNELS) for case in sample.cases()}
    assert {"seed-1", "tail-17", "empty-M", "values-nan", "values-inf", "values-extreme", "values-denormal"} <= names
    for sample in samples(KERNELS):
        first = sample.cases()[0]
        assert not outcomes(sample.program, [first])[first.name].refused, sample.name


def test_fixed_sizes_stay():
    sample = Sample(KERNELS[1], {"N": 40})
    assert {case.dims["N"] for case in sample.cases()} == {40}


def test_every_operation_has_a_kernel_that_computes_it():
    import numpy as np

    found = {op.name: dtypes for op, dtypes in operations()}
    assert sum(map(len, found.values())) > 1000
    assert {each.name for each in found["exp"]} == {"f64", "f32", "f16", "bf16", "f8e4m3", "f8e5m2"}
    by_name = {op.name: op for op, _ in operations()}
    arrays = np.arange(16, dtype=np.float32).reshape(4, 4), np.full((4, 4), 9, np.float32)
    for name, expected in (("maximum", np.full((4, 4), 9)), ("cumsum", arrays[0].cumsum(axis=0))):
        result = np.zeros((4, 4), np.float32)
        operation_kernel(by_name[name], (f32,))(arrays[1] if name == "maximum" else arrays[0], result)
        np.testing.assert_array_equal(result, expected)


def test_the_kernel_of_an_operation_takes_only_what_it_uses():
    by_name = {op.name: op for op, _ in operations()}
    names = {name: [each.name for each in operation_kernel(by_name[name], (f32,)).params] for name in ("exp", "take")}
    assert names == {"exp": ["a_f32", "r_f320"], "take": ["k", "a_f32", "r_f320"]}


def test_difference_tells_what_differs():
    import numpy as np

    one, two = np.ones(3, np.float32), np.array([1, 1, 2], np.float32)
    right, refused, crashed = Outcome({"y": one}), Outcome({}, refused="run.x"), Outcome({}, crashed="KeyError: 3")
    assert difference({"a": right}, {"a": Outcome({"y": one.copy()})}) == ""
    assert "on a `y` differs: 1 of 3" in difference({"a": right}, {"a": Outcome({"y": two})})
    assert difference({"a": right}, {"a": refused}) == "on a it is refused with run.x, and before it runs"
    assert difference({"a": refused}, {"a": right}) == "on a it runs, and before it is refused with run.x"
    assert difference({"a": refused}, {"a": Outcome({}, refused="run.y")}) == ""
    assert "fails with KeyError" in difference({"a": refused}, {"a": crashed})


TESTS = """
import pytest
from htp.lowering.inline import InlineHelpers
from htp.testing import PassConformance


class TestInline(PassConformance):
    subject = InlineHelpers()


@pytest.mark.htp(targets=["no-such-target"])
def test_for_a_target(htp_target):
    raise AssertionError


def test_of_another_kind():
    import os

    assert os.environ["HTP_VERIFY"] == "all"
    print("cache", os.environ["HTP_CACHE_DIR"])
"""


def run_pytest(folder, text, *words, **variables):
    (folder / "test_mine.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    dropped = ("HTP_CACHE_DIR", "HTP_VERIFY")
    environment = {name: value for name, value in os.environ.items() if name not in dropped and "PYTEST" not in name}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-s", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_pytest_runs_the_laws_counts_them_and_isolates_the_cache(tmp_path):
    done = run_pytest(tmp_path, TESTS)
    said = done.stdout
    assert done.returncode == 0, said
    assert "htp conformance: 9 laws checked, 1 skipped\n  Pass.eliminates: the pass declares that it" in said
    assert "10 passed, 2 skipped" in said
    folder = next(line for line in said.splitlines() if "cache " in line).rpartition("cache ")[2].rstrip(".")
    assert "htp-pytest-" in folder
    assert not os.path.exists(folder)


def test_pytest_keeps_the_cache_it_is_given(tmp_path):
    said = run_pytest(tmp_path, TESTS, "-k", "another", HTP_CACHE_DIR=str(tmp_path / "mine")).stdout
    assert f"cache {tmp_path / 'mine'}" in said
    assert "htp conformance" not in said


def test_a_target_is_chosen_by_the_option_and_the_marker(tmp_path):
    text = "import pytest\n\ndef test_any(htp_target):\n    print('on', htp_target)\n"
    text += "\n\n@pytest.mark.htp(targets=['b'])\ndef test_b(htp_target):\n    pass\n"
    done = run_pytest(tmp_path, text, "--htp-target", "a", "-rs")
    assert "target a is not installed" in done.stdout
    assert "target b" not in done.stdout
    assert done.returncode == 0


def test_projects_without_htp_see_nothing_of_it(tmp_path):
    done = run_pytest(tmp_path, "import sys\n\n\ndef test_it():\n    assert 'htp.session' not in sys.modules\n")
    assert done.returncode == 0, done.stdout
    assert "htp" not in done.stdout.split("\n", 6)[-1]


def test_conform_says_what_was_checked(capsys):
    assert main(["conform", "host"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok  plugin `host`: ")
    assert "    skipped 3: htp_diagnostics: the plugin owns no codes" in lines
    assert lines[-1].endswith("0 failed, 6 skipped")


def test_conform_answers_in_json(capsys):
    assert main(["conform", "host", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["result"]
    assert found["failed"] == 0
    assert found["checked"] + found["skipped"] == len(found["laws"])
    assert {each["outcome"] for each in found["laws"]} == {"passed", "skipped"}
    assert {"unit", "law", "outcome", "seconds"} <= set(found["laws"][0])


def test_conform_ends_with_1_and_shows_the_law_that_is_broken(site, capsys):
    from htp.session import use_session

    site.add(
        "halo",
        '@hookimpl\ndef htp_dialects():\n    return (Dialect("halo", "words", ("made_halo",), ("window",)),)\n',
    )
    with use_session(site.session()):
        assert main(["conform", "htp-halo"]) == 1
    said = capsys.readouterr().out
    assert "NO  dialect `halo`" in said
    assert "      law: Every word and every kind of function is a documented callable" in said
    assert "      offender: `window` is not a callable of `made_halo`" in said


def test_conform_takes_programs_of_the_author(site, tmp_path, capsys):
    from htp.session import use_session

    site.add(
        "halo",
        """
        class Only(Pass):
            \"\"\"Refuses one program.\"\"\"

            name = "halo.only"

            def apply(self, program):
                return program if program.entry != "mine" else 1 // 0

        @hookimpl
        def htp_passes():
            return (Only(),)
        """,
    )
    (tmp_path / "mine.py").write_text(
        'from htp import In, Out, Tensor, f32, kernel\n\n\n@kernel\ndef mine(x: In[Tensor[f32, "N"]], '
        'y: Out[Tensor[f32, "N"]]) -> None:\n    y[:] = x[:]\n'
    )
    with use_session(site.session()):
        assert main(["conform", "halo", "--programs", str(tmp_path / "mine.py")]) == 1
    assert "offender: it raised ZeroDivisionError" in capsys.readouterr().out


def test_conform_of_what_is_not_installed(capsys):
    assert main(["conform", "no-such-plugin"]) == 2
    assert "cli.unknown-plugin" in capsys.readouterr().err


def test_looking_at_a_class_runs_nothing_of_it():
    class Looked(PluginConformance):
        subject = "no such plugin"

    assert [getattr(Looked, name) for name in dir(Looked)]
    assert Looked().laws()
