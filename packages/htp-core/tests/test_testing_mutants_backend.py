"""Wrong backends and bindings, each of which the law that it breaks must find."""

import pytest

from htp.session import use_session
from htp.testing import BackendConformance, BindingConformance

WRITE = 'return Emission((("codegen/echo/program.py", program.text().encode()),), CONTRACT)'
HERE = "import os\n    "


def emitting(change):
    return WRITE, WRITE.replace("program.text().encode()", change)


BACKENDS = [
    ("goal_can_be_checked", "    def verify(self, program):\n        program.text()\n", "", "has no `verify`"),
    ("goal_can_be_reached", "    provides = (Written(),)\n", "", "no installed pass provides `echo.Written()`"),
    ("models_are_sound", 'source="there is one interpreter"', 'source=" "', "has no source"),
    ("models_are_sound", 'name="core",', 'name="core", parent="cluster",', "unknown parent"),
    (
        "directives_are_answered",
        '(Backend("echo", (Written(),), accepts, targets, CONTRACT, Lazy("made_echo:emit")),)',
        '(Backend("echo", (Written(),), accepts, targets, CONTRACT, Lazy("made_echo:emit"),\n'
        '        directives=(("window", "static"), ("window", "ignored"))),)',
        "list it once",
    ),
    (
        "directives_are_answered",
        'name = "echo.write"\n',
        'name = "echo.write"\n    from htp.capabilities import DirectiveUse\n'
        '    introduces = (DirectiveUse("window"),)\n',
        "`window` is not in the table",
    ),
    ("accepts_nothing_unknown", 'DialectUse("tile"), DialectUse("host")', 'DialectUse("*")', "no-such-name"),
    (
        "programs_compile_or_are_refused",
        WRITE,
        f'if "tile.exp" in program.text():\n        raise Refused("echo.no-exp", "no exp")\n    {WRITE}',
        "`softmax` is refused only while it is emitted, with echo.no-exp",
    ),
    (
        "programs_compile_or_are_refused",
        "        return program\n",
        "        return program if 'matmul' not in program.entry else 1 // 0\n",
        "`matmul` fails before emission with Bug",
    ),
    (
        "operations_compile_or_are_refused",
        WRITE,
        f'assert "tile.erf" not in program.text() or "bf16" not in program.text()\n    {WRITE}',
        "`tile.erf` on bf16 fails while it is emitted",
    ),
    ("emission_is_deterministic", *emitting("repr(sorted({*'abcdefg'}, key=hash)).encode()"), "emitted differently"),
    (
        "emission_is_deterministic",
        WRITE,
        f"COUNT.append(1)\n    {WRITE.replace('.encode()', '.encode() + bytes(COUNT)')}\n\n\nCOUNT = []",
        "emitted differently",
    ),
    (
        "emission_is_deterministic",
        "        return program\n",
        "        import os\n\n        if os.environ.get('PYTHONHASHSEED') == '7' and program.entry == 'matmul':\n"
        "            raise Refused('echo.no-matmul', 'no matmul')\n        return program\n",
        "`matmul` is emitted differently",
    ),
    (
        "files_belong_to_the_package",
        '"codegen/echo/program.py", program',
        '"/elsewhere/program.py", program',
        "it is absolute",
    ),
    ("files_belong_to_the_package", WRITE, HERE + emitting("os.getcwd().encode()")[1], "holds"),
    ("files_belong_to_the_package", *emitting("__import__('time').strftime('%Y-%m-%d').encode()"), "holds"),
    ("packages_verify", *("CONTRACT)\n\n\ndef probe", '"echo.package/2")\n\n\ndef probe'), "emit `echo.package/1`"),
    (
        "packages_verify",
        "    def apply(self, program):\n        return program\n",
        "    def apply(self, program):\n        from htp.capture import parse_program\n\n"
        '        wrong = program.text().replace("2.0", "3.0")\n'
        "        return parse_program(wrong, 'x.py').with_facts(program.facts)\n",
        "differs from stage 00",
    ),
    (
        "what_runs_computes_the_meaning",
        *emitting('program.text().replace("2.0 *", "2.1 *").encode()'),
        "`scale_add`: on seed-1",
    ),
    (
        "what_runs_computes_the_meaning",
        "        self.entry(*args, **kwargs)\n",
        "        if 0 not in getattr(args[0], 'shape', ()):\n            self.entry(*args, **kwargs)\n",
        ": on empty-",
    ),
]


@pytest.mark.parametrize(("law", "old", "new", "text"), BACKENDS, ids=[f"{each[0]}-{each[3]}" for each in BACKENDS])
def test_a_wrong_backend_fails_its_law(told, echo, law, old, new, text):
    with use_session(echo(old, new)):
        found = told(BackendConformance, f"test_{law}", "echo")
    assert found.startswith("failed")
    assert text in found


CALL = "    def __call__(self, *args, **kwargs):\n        self.entry(*args, **kwargs)\n"
DEVICE = '("device",), Lazy("made_echo:load")'
BINDINGS = [
    ("declares_what_it_loads", DEVICE, DEVICE.replace('"device",', ""), "modes are ()"),
    ("declares_what_it_loads", DEVICE, DEVICE.replace('"device",', '"device", "device"'), "each once"),
    ("declares_what_it_loads", 'CONTRACT = "echo.package/1"', 'CONTRACT = "echo"', "contract is 'echo'"),
    ("says_why_a_mode_is_unavailable", "return None if mode", 'return "" if mode', "unavailable('device') is ''"),
    (
        "says_why_a_mode_is_unavailable",
        "    return None if mode",
        "    return None if 1 // 0 and mode",
        "ZeroDivisionError",
    ),
    (
        "refuses_other_contracts",
        'text = package.text("codegen/echo/program.py")',
        'text = (package.path / "codegen/echo/program.py").read_text()',
        "raises FileNotFoundError",
    ),
    (
        "refuses_other_contracts",
        "def load(package, mode):\n",
        "def load(package, mode):\n    if package.manifest.target == '':\n        return print\n",
        "is accepted",
    ),
    (
        "refuses_arguments_that_do_not_fit",
        CALL,
        CALL.replace("self.entry(", "self.entry.python("),
        "an array of another dtype",
    ),
    (
        "refuses_arguments_that_do_not_fit",
        CALL,
        CALL.replace(
            "        self",
            "        for each in args:\n            if getattr(each, 'size', 0) and each.flags.writeable:\n"
            "                each.flat[0] = 9\n        self",
        ),
        "refused after something was written",
    ),
    (
        "refuses_arguments_that_do_not_fit",
        CALL,
        CALL.replace("**kwargs):", "**_):").replace(", **kwargs)", ")"),
        "an argument of an unknown name is accepted",
    ),
    ("reports_a_run", "return RunReport(", "return dict(", "return an htp.RunReport"),
    ("reports_a_run", "entry=self.package.manifest.entry", 'entry="main"', "the report is of `main`"),
    ("reports_a_run", "mode=self.mode)", "mode=self.mode, wall_seconds=0.0)", "measure it, or leave it None"),
    (
        "leaves_the_package_alone",
        "        self.package, self.mode = package, mode\n",
        "        self.package, self.mode = package, mode\n        (package.path / 'built.txt').write_text('x')\n",
        "built.txt is not what it was",
    ),
    (
        "executables_are_independent",
        "    return Program(package, mode)\n",
        "    return CACHE.setdefault(package.path, Program(package, mode))\n\n\nCACHE = {}\n",
        "binding twice gives one",
    ),
    (
        "executables_are_independent",
        CALL,
        CALL.replace(
            "        self.entry(*args, **kwargs)\n",
            "        self.entry(*args, **kwargs)\n        RUNS.append(1)\n        args[-1].flat[:1] = len(RUNS)\n",
        ),
        "`scale_add`: on",
    ),
]


@pytest.mark.parametrize(("law", "old", "new", "text"), BINDINGS, ids=[f"{each[0]}-{each[3]}" for each in BINDINGS])
def test_a_wrong_binding_fails_its_law(told, echo, law, old, new, text):
    with use_session(echo(old, new)):
        found = told(BindingConformance, f"test_{law}", "echo")
    assert found.startswith("failed")
    assert text in found


def test_a_good_backend_and_binding_conform(conforms, echo):
    with use_session(echo()):
        assert conforms(BackendConformance, "echo") == {}
        assert conforms(BindingConformance, "echo") == {}


def test_equal_bytes_are_asked_of_the_plugins_of_this_session(told, echo, site):
    session = echo()
    site.add("other", "import os\n\nos._exit(3)\n")
    with use_session(session):
        assert told(BackendConformance, "test_emission_is_deterministic", "echo") == ""


def test_a_backend_that_takes_no_operation_is_not_held_to_have_passed(told, echo):
    with use_session(echo('DialectUse("tile"), DialectUse("host")', 'DialectUse("host")')):
        found = told(BackendConformance, "test_operations_compile_or_are_refused", "echo")
    assert found.startswith("skipped: Backend.accepts: none of 1")


def test_the_operations_that_are_tried_can_be_chosen(echo):
    class Chosen(BackendConformance):
        subject = "echo"
        operations = ("logical_not",)

    with use_session(echo()):
        chosen = Chosen()
        chosen.test_operations_compile_or_are_refused()
    assert chosen.notes["test_operations_compile_or_are_refused"] == "1 emitted, 0 refused"


def test_a_backend_that_cannot_run_here_says_so(told, echo):
    with use_session(echo("return None if mode", 'return "no interpreter" if mode')):
        ran = told(BackendConformance, "test_what_runs_computes_the_meaning", "echo")
        called = told(BindingConformance, "test_reports_a_run", "echo")
    assert ran == "skipped: Binding.modes: `echo` cannot run `device`: no interpreter"
    assert called == "skipped: Binding.modes: mode `device`: no interpreter"
