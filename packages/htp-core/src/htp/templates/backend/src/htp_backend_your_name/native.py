"""C for elementwise f32 kernels: which have a C text, how it reads, and how it is built and called."""

from __future__ import annotations

import ast
import ctypes
import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

from htp.arguments import check_arguments
from htp.artifact.manifest import AbiFile, AbiFunction, AbiParameter
from htp.artifact.seal import canonical
from htp.bindings import RunReport
from htp.cache import Cache
from htp.capabilities import Simplified
from htp.declarations import Emission
from htp.diagnostics import Refused
from htp.dims import parse
from htp.passes import Pass
from htp.program import origin_of
from htp.targets import Level, Model, Unit
from htp.types import Param, ScalarType, TensorType, f32
from htp_backend_your_name.plugin import CONTRACT, Elementwise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from htp.artifact import Package
    from htp.program import Program
    from htp.targets import Target

SOURCE = "codegen/your-name/kernel.c"
HEAD = ("#include <math.h>", "#include <stdint.h>", "#define min_(a, b) ((a) < (b) ? (a) : (b))", "")
PARAMETERS = {"in": "const float *", "out": "float *", "scalar": "double "}
FUNCTIONS = {"exp": "expf", "log": "logf", "sqrt": "sqrtf", "abs": "fabsf", "tanh": "tanhf", "cos": "cosf"}
OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}


class CheckElementwise(Pass):
    """Refuses what the printer has no C for."""

    name = "your-name.check"
    requires = (Simplified(),)
    provides = (Elementwise(),)

    def apply(self, program: Program) -> Program:
        """The program as it is."""
        Printer(program)
        return program


class Printer:
    """The C text of a kernel, line by line. Every name gets a `_`, so that none is a word of C."""

    def __init__(self, program: Program) -> None:
        params, self.place = program.main.params, program.main.origin
        self.params = {each.name: (each.direction, _shape(each)) for each in params}
        self.scalars = {each.name for each in params if each.direction == "scalar"}
        self.sizes = sorted({name for each in params for dim in _shape(each) for name in parse(dim).symbols})
        if any(each.direction == "inout" or not each.type or each.type.dtype != f32 for each in params):
            self.refuse("these parameters: it takes f32, as In, Out and Scalar")
        self.lines, self.tiles = list[str](), dict[str, list[str]]()
        self.block(program.main.body, "    ")
        declared = [f"{PARAMETERS[direction]}{name}_" for name, (direction, _) in self.params.items()]
        declared += [f"int64_t {name}_" for name in self.sizes]
        self.text = "\n".join([*HEAD, f"void kernel({', '.join(declared)}) {{", *self.lines, "}", ""])

    def block(self, body: Sequence[ast.stmt], pad: str) -> None:
        """Statements of one level. All its tiles have one shape; a store is one loop over the elements of its tile."""
        self.tiles, element = {}, list[str]()
        for node in body:
            self.place = origin_of(node) or self.place
            match node:
                case ast.For(ast.Name(name), ast.Call(args=[start, stop, ast.Constant(int(step))])) if step > 0:
                    first, last = self.size(ast.unparse(start)), self.size(ast.unparse(stop))
                    self.lines.append(f"{pad}for (int64_t {name}_ = {first}; {name}_ < {last}; {name}_ += {step}) {{")
                    self.block(node.body, f"{pad}    ")
                    self.lines.append(f"{pad}}}")
                    self.tiles, element = {}, []  # a tile lives on one level
                case ast.AnnAssign(ast.Name(name), ast.Subscript(_, ast.Tuple([_, *dims])), value) if value:
                    element.append(f"{'' if name in self.tiles else 'float '}{name}_ = {self.value(value)};")
                    self.tiles[name] = [self.size(str(ast.literal_eval(each))) for each in dims]
                    if self.tiles[name] != next(iter(self.tiles.values())):
                        self.refuse("tiles of different shapes side by side")
                case ast.Assign([ast.Subscript() as array], ast.Name(name)) if name in self.tiles:
                    sizes = enumerate(self.tiles[name])
                    loops = [f"for (int64_t e{at} = 0; e{at} < {size}; e{at}++)" for at, size in sizes]
                    inner = [f"{pad}    {text}" for text in (*element, f"{self.element(array, 'out')} = {name}_;")]
                    self.lines += [f"{pad}{' '.join(loops)} {{", *inner, f"{pad}}}"]
                case ast.Assign([ast.Name()], ast.Subscript(ast.Attribute(attr="shape"))):
                    continue
                case _:
                    self.refuse(f"`{ast.unparse(node).splitlines()[0]}`")

    def value(self, node: ast.expr) -> str:
        """An expression over tiles and numbers; numbers are double, as they are in Python."""
        match node:
            case ast.Name(name) if name in self.tiles or name in self.scalars:
                return f"{name}_"
            case ast.Constant(int() | float() as number):
                return repr(float(number))
            case ast.UnaryOp(ast.USub(), inner):
                return f"(-{self.value(inner)})"
            case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
                return f"({self.value(left)} {OPERATORS[type(operator)]} {self.value(right)})"
            case ast.Call(ast.Attribute(ast.Name("tile"), name), [inner], []) if name in FUNCTIONS:
                return f"{FUNCTIONS[name]}({self.value(inner)})"
            case ast.Subscript():
                return self.element(node, "in")
            case _:
                return self.refuse(f"`{ast.unparse(node)}`")

    def element(self, node: ast.Subscript, wanted: str) -> str:
        """The element of an array that belongs to the current element of a tile."""
        name, parts = ast.unparse(node.value), node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        direction, shape = self.params.get(name, ("", ()))
        if direction != wanted or len(parts) != len(shape):
            self.refuse(f"`{ast.unparse(node)}`")
        place, loops = "", iter(range(len(parts)))
        for part, dim in zip(parts, shape, strict=True):
            start = part.lower if isinstance(part, ast.Slice) else part
            here = self.size(ast.unparse(start)) if start else "0"
            here += f" + e{next(loops)}" if isinstance(part, ast.Slice) else ""
            place = f"({place}) * ({self.size(dim)}) + {here}" if place else here
        return f"{name}_[{place}]"

    def size(self, text: str) -> str:
        """An integer over sizes and loop variables, which reads in C as it does in Python."""
        if not re.fullmatch(r"(?!.*\bmax\()[\w +\-*(),]+", text):
            self.refuse(f"the size `{text}`")
        return re.sub(r"[A-Za-z_]\w*", r"\g<0>_", text)

    def refuse(self, what: str) -> NoReturn:
        """Says what has no C, at the user's line."""
        raise Refused("your-name.not-elementwise", f"`your-name` has no C for {what}", span=self.place)


def emit(program: Program, target: Target) -> Emission:
    """The C file, and what it takes: the kernel's parameters in their order, and the sizes."""
    printer = Printer(program)
    params = tuple(
        AbiParameter(name=each.name, index=index, direction=each.direction, dtype="f32", shape=_shape(each))
        for index, each in enumerate(program.main.params)
    )
    function = AbiFunction(name=program.entry, symbol="kernel", parameters=params, dims=tuple(printer.sizes))
    abi = AbiFile(entry=program.entry, functions=(function,))
    return Emission(((SOURCE, printer.text.encode()),), CONTRACT, (("contract/abi.json", canonical(abi)),))


def _shape(param: Param) -> tuple[str, ...]:
    return () if param.type is None or isinstance(param.type, ScalarType) else tuple(map(str, param.type.dims))


def _param(each: AbiParameter) -> Param:
    type_ = TensorType(f32, tuple(map(parse, each.shape))) if each.shape else ScalarType(f32)
    return Param(each.name, each.direction, type_)


class Native:
    """A package, built and loaded; calling it runs the kernel on arrays."""

    def __init__(self, package: Package, mode: str) -> None:
        self.entry, self.target = package.manifest.entry, package.manifest.target
        abi = package.abi.functions[0]
        self.sizes, self.params = abi.dims, [_param(each) for each in abi.parameters]
        self.kernel = ctypes.CDLL(str(build(package.read(SOURCE)))).kernel

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Runs the kernel; Out arrays are written."""
        arrays, sizes = check_arguments(self.params, args, kwargs)
        given = [ctypes.c_void_p(each.ctypes.data) if each.ndim else ctypes.c_double(each.item()) for each in arrays]
        self.kernel(*given, *(ctypes.c_int64(sizes[name]) for name in self.sizes))

    def run(self, *args: object, trace: bool = False, **kwargs: object) -> RunReport:
        """Runs the kernel; no time is measured."""
        self(*args, **kwargs)
        return RunReport(entry=self.entry, target=self.target, mode="device")


def build(text: bytes) -> Path:
    """The shared library of a C file, built once."""
    command = [*compiler(), "-O2", "-shared", "-fPIC", "-o", "kernel.so", "kernel.c", "-lm"]

    def make(folder: Path) -> None:
        (folder / "kernel.c").write_bytes(text)
        subprocess.run(command, cwd=folder, check=True)

    key = f"your-name-{hashlib.sha256(' '.join(command).encode() + text).hexdigest()}"
    return Cache.open().get_or_make(key, make) / "kernel.so"


def compiler() -> list[str]:
    """The command of the C compiler at hand: `cc`, else the one of the `ziglang` wheel, else nothing."""
    if found := shutil.which("cc"):
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else []


def probe(mode: str) -> str | None:
    """Why kernels cannot be built here, or `None` when they can."""
    return None if compiler() else "there is no C compiler: install one, or `pip install ziglang`"


def model() -> Model:
    """What the emitted code uses of this machine; nothing was measured, so no figure is given."""
    level = Level(name="core", units=1, source="the emitted C starts no thread")
    unit = Unit(name="fpu", level="core", kind="vector", dtypes=("f32",), source="the emitted C keeps float")
    return Model(name="your-name", levels=(level,), units=(unit,))
