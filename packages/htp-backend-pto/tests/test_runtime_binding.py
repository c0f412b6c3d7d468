"""What is said of a checkout of pto-runtime that is not there, not whole, of another version, or that breaks down.

The checkouts are made up: folders with the commits that a binding looks at, and a module that does what a test needs.
"""

import importlib.util

import numpy as np
import pytest

import htp
from htp import In, Out, Refused, Tensor, f32, kernel
from htp_backend_pto.binding.runtime import PYTHON, ROOT, SECONDS
from htp_backend_pto.profile import CURRENT

TOOLCHAINS = ("pto-runtime", "pto-runtime-host-graph")
NAMES = {
    "FLOAT32": 4, "FLOAT16": 2, "BFLOAT16": 2, "INT64": 8, "INT32": 4, "INT16": 2, "INT8": 1, "UINT64": 8, "UINT32": 4,
    "UINT16": 2, "UINT8": 1,
}  # fmt: skip
"""Dtypes that pto-runtime has in Python, with their bytes: hw-native-sys/simpler@6ebaf77, python/bindings."""


@kernel
def double(x: In[Tensor[f32, 64]], y: Out[Tensor[f32, 64]]) -> None:
    """`y = 2 x`."""
    y[:] = x[:] * 2.0


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return htp.compile_program(double, target="pto:a2a3sim", out=str(tmp_path_factory.mktemp("double") / "package"))


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder that looks like a checkout of the right version."""
    root = tmp_path / "checkout"
    for folder in ("simpler_setup", "python/simpler", ".git/objects", ".git/refs"):
        (root / folder).mkdir(parents=True)
    (root / ".git/HEAD").write_text(CURRENT.runtime_commit)
    (root / "pto_isa.pin").write_text(CURRENT.isa_commit)
    monkeypatch.setenv(ROOT, str(root))
    monkeypatch.delenv(PYTHON, raising=False)
    return root


def refused(package, toolchain=TOOLCHAINS[0]):
    """What binding and running says."""
    x, y = np.ones(64, np.float32), np.empty(64, np.float32)
    with pytest.raises(Refused) as caught:
        htp.bind(package, mode="sim", toolchain=toolchain)(x, y)
    return caught.value.diagnostic


def test_dtypes_are_ones_that_the_runtime_has_in_python(package):
    file = package.path / "codegen/pto/run.py"
    spec = importlib.util.spec_from_file_location("package_run", file)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    for dtype, name in made.DATA_TYPES.items():
        assert NAMES[name] == np.dtype(made.NUMPY[dtype]).itemsize, dtype


@pytest.mark.parametrize("toolchain", TOOLCHAINS)
def test_another_commit_of_the_runtime(package, checkout, toolchain):
    (checkout / ".git/HEAD").write_text("0" * 40)
    said = refused(package, toolchain)
    assert said.code == "pto.toolchain-mismatch"
    text = " ".join([said.message, *said.notes])
    assert "0" * 7 in text
    assert CURRENT.runtime_commit[:7] in text


@pytest.mark.parametrize("pin", ["1" * 40, ""])
def test_another_pin_of_the_instructions(package, checkout, pin):
    (checkout / "pto_isa.pin").write_text(pin)
    assert refused(package).code == "pto.toolchain-mismatch"


def test_no_pin_at_all(package, checkout):
    (checkout / "pto_isa.pin").unlink()
    assert refused(package).code == "pto.toolchain-mismatch"


def test_no_repository(package, checkout):
    (checkout / ".git/HEAD").unlink()
    assert refused(package).code == "pto.toolchain-mismatch"


def test_a_folder_that_is_no_checkout(package, checkout):
    (checkout / "simpler_setup").rmdir()
    said = refused(package)
    assert said.code == "pto.no-toolchain"
    assert str(checkout) in said.message
    assert said.help


def test_one_that_is_not_built(package, checkout):
    said = refused(package)  # nothing can be imported from it
    assert said.code == "pto.no-toolchain"
    assert "cannot be imported" in said.message


def test_one_that_never_ends(package, checkout, monkeypatch):
    (checkout / "python/simpler/worker.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv(SECONDS, "1")
    said = refused(package)
    assert said.code == "pto.timeout"
    assert "1 seconds" in said.message
    assert SECONDS in " ".join(said.help)


@pytest.mark.parametrize(("end", "status", "tries"), [
    ("os.kill(os.getpid(), signal.SIGSEGV)", "-11", 5),
    ("raise RuntimeError('it does not compile')", "1", 1),
])  # fmt: skip
def test_one_that_always_fails(package, checkout, end, status, tries):
    crash = "import os, pathlib, signal\n"
    crash += "with open(pathlib.Path(__file__).with_name('count'), 'a') as file: file.write('x')\n"
    (checkout / "python/simpler/worker.py").write_text(crash + end + "\n")
    said = refused(package)
    assert said.code == "pto.runtime-failed"
    assert f"exit status {status})" in said.message
    assert (checkout / "python/simpler/count").read_text() == "x" * tries


WORKING = """
import os, pathlib, sys
mark = pathlib.Path(__file__).with_name("crashed")
if not mark.exists():
    mark.write_text("")
    os.abort()


class Handle: ...


class Buffer:
    def __init__(self, size):
        self.shm = self
        self.buf = bytearray(size)

    def tensor(self, shapes, dtype):
        return self


class Worker:
    def __init__(self, **given): self.buffers = []
    def register(self, program): return Handle()
    def init(self): ...
    def create_buffer(self, size):
        self.buffers.append(Buffer(size))
        return self.buffers[-1]
    def run(self, handle, args, config):
        import numpy as np
        x, y = (np.frombuffer(each.buf, np.float32) for each in self.buffers)
        y[...] = 2 * x
"""
FAKES = {
    "python/simpler/worker.py": WORKING,
    "python/simpler/task_interface.py": """
class Any:
    def __getattr__(self, name): return self
    def __call__(self, *args, **kwargs): return self
ArgDirection = ChipCallable = CoreCallable = DataType = TensorArgType = TaskArgs = CallConfig = Any()
""",
    "simpler_setup/pto_isa.py": "def ensure_pto_isa_root(): return ''\n",
    "simpler_setup/kernel_compiler.py": """
class Gxx: cxx_path = "c++"
class KernelCompiler:
    gxx15 = Gxx()
    def __init__(self, platform): ...
    def get_orchestration_include_dirs(self, runtime): return []
    def compile_incore(self, *args, **kwargs): return b""
    def compile_orchestration(self, *args): return b""
""",
}


def test_one_that_crashes_once_is_tried_again_and_reported(package, checkout):
    for name, text in FAKES.items():
        (checkout / name).write_text(text)
    x, y = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    report = htp.bind(package, mode="sim", toolchain="pto-runtime").run(x, y)
    np.testing.assert_array_equal(y, x + x)
    (odd,) = report.diagnostics
    assert (odd.code, odd.severity) == ("pto.runtime-failed", "warning")
    assert "try 1 of 5" in odd.message
    assert (checkout / "python/simpler/crashed").exists()
