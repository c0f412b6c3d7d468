"""The elementwise half of the table of tile operations."""

from __future__ import annotations

from htp._impl.operation import ALL, BITS, BOOLS, FLOATS, INTEGERS, NUMBERS, Family, Op, Parameter, Result

_X = Parameter("x", "tile")
_DTYPE = Parameter("dtype", "dtype")
_CHOICE = (Parameter("cond", "tile"), Parameter("a", "operand"), Parameter("b", "operand"))


def _unary(name: str, dtypes: frozenset[str], summary: str, formula: str, example: str, operator: str = "") -> Op:
    return Op(name, "unary", (_X,), dtypes, "same", summary, formula, example, operator)


def _test(name: str, summary: str, formula: str, example: str) -> Op:
    return Op(name, "unary", (_X,), FLOATS, "bool", summary, formula, example)


def _pair(
    name: str, dtypes: frozenset[str], operator: str, summary: str, formula: str, example: str,
    family: Family = "binary", result: Result = "same",
) -> Op:  # fmt: skip
    operands = (Parameter("a", "operand"), Parameter("b", "operand"))
    return Op(name, family, operands, dtypes, result, summary, formula, example, operator)


def _compare(name: str, dtypes: frozenset[str], operator: str, summary: str, example: str) -> Op:
    return _pair(name, dtypes, operator, summary, f"a {operator} b", example, "compare", "bool")


ELEMENTWISE: tuple[Op, ...] = (
    # elementwise, one operand
    _unary("exp", FLOATS, "The exponential.", "e**x", "tile.exp(f32(0.0))"),
    _unary("exp2", FLOATS, "The power of two.", "2**x", "tile.exp2(f32(3.0))"),
    _unary("log", FLOATS, "The natural logarithm; NaN below zero.", "ln(x)", "tile.log(f32(1.0))"),
    _unary("log2", FLOATS, "The logarithm to base two; NaN below zero.", "log2(x)", "tile.log2(f32(8.0))"),
    _unary("sqrt", FLOATS, "The square root; NaN below zero.", "sqrt(x)", "tile.sqrt(f32(9.0))"),
    _unary("rsqrt", FLOATS, "The reciprocal square root.", "1 / sqrt(x)", "tile.rsqrt(f32(4.0))"),
    _unary("abs", NUMBERS, "The absolute value; the least integer wraps to itself.", "|x|", "tile.abs(i32(-3))"),
    _unary("neg", NUMBERS, "The negative; integers wrap.", "-x", "tile.neg(f32(2.0))", "-"),
    _unary("sign", NUMBERS, "-1, 0 or 1; NaN stays NaN.", "(x > 0) - (x < 0)", "tile.sign(i32(-3))"),
    _unary("sin", FLOATS, "The sine of an angle in radians.", "sin(x)", "tile.sin(f32(0.0))"),
    _unary("cos", FLOATS, "The cosine of an angle in radians.", "cos(x)", "tile.cos(f32(0.0))"),
    _unary("tanh", FLOATS, "The hyperbolic tangent.", "tanh(x)", "tile.tanh(f32(0.0))"),
    _unary(
        "erf", FLOATS, "The error function.", "2/sqrt(pi) * integral of exp(-t*t) from 0 to x", "tile.erf(f32(0.0))"
    ),
    _unary("sigmoid", FLOATS, "The logistic function.", "1 / (1 + exp(-x))", "tile.sigmoid(f32(0.0))"),
    _unary("relu", NUMBERS, "The positive part; NaN stays NaN.", "max(x, 0)", "tile.relu(f32(-2.0))"),
    Op(
        "gelu",
        "unary",
        (_X, Parameter("approximate", "mode", "none")),
        FLOATS,
        "same",
        "The Gaussian error linear unit; `approximate='tanh'` takes its tanh form.",
        "x/2 * (1 + erf(x/sqrt(2)));  tanh form: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715*x**3)))",
        "tile.gelu(f32(0.0))",
    ),
    _unary("silu", FLOATS, "The sigmoid linear unit.", "x * sigmoid(x)", "tile.silu(f32(0.0))"),
    _unary("floor", NUMBERS, "The greatest integer not above.", "floor(x)", "tile.floor(f32(1.5))"),
    _unary("ceil", NUMBERS, "The least integer not below.", "ceil(x)", "tile.ceil(f32(1.5))"),
    _unary("round", NUMBERS, "The nearest integer, halves to even.", "round(x)", "tile.round(f32(2.5))"),
    _test("isnan", "Whether the element is NaN.", "x != x", "tile.isnan(f32(1.0))"),
    _test("isinf", "Whether the element is an infinity.", "|x| == inf", "tile.isinf(f32(1.0))"),
    _test("isfinite", "Whether the element is neither NaN nor an infinity.", "|x| < inf", "tile.isfinite(f32(1.0))"),
    _unary("invert", BITS, "All bits inverted; logical not of truth values.", "~x", "tile.invert(i32(5))", "~"),
    Op("logical_not", "logical", (_X,), BOOLS, "bool", "Logical not.", "not x", "tile.logical_not(bool_(True))"),
    # elementwise, two operands
    _pair("add", NUMBERS, "+", "The sum; integers wrap.", "a + b", "tile.add(f32(1.0), 2.0)"),
    _pair("subtract", NUMBERS, "-", "The difference; integers wrap.", "a - b", "tile.subtract(f32(1.0), 2.0)"),
    _pair("multiply", NUMBERS, "*", "The product; integers wrap.", "a * b", "tile.multiply(f32(3.0), 2.0)"),
    _pair("divide", FLOATS, "/", "The quotient.", "a / b", "tile.divide(f32(3.0), 2.0)"),
    _pair(
        "floor_divide",
        NUMBERS,
        "//",
        "The quotient rounded down; 0 for an integer over 0.",
        "floor(a / b)",
        "tile.floor_divide(i32(-7), 2)",
    ),
    _pair(
        "mod",
        NUMBERS,
        "%",
        "The remainder with the sign of b; 0 for an integer over 0.",
        "a - floor(a / b) * b",
        "tile.mod(i32(-7), 3)",
    ),
    _pair(
        "power",
        NUMBERS,
        "**",
        "The power; integers wrap and take no negative exponent.",
        "a**b",
        "tile.power(f32(2.0), 3.0)",
    ),
    _pair("maximum", NUMBERS, "", "The larger one; NaN if either is NaN.", "max(a, b)", "tile.maximum(f32(1.0), 2.0)"),
    _pair("minimum", NUMBERS, "", "The smaller one; NaN if either is NaN.", "min(a, b)", "tile.minimum(f32(1.0), 2.0)"),
    _pair(
        "bitwise_and", BITS, "&", "Bitwise and; logical and of truth values.", "a & b", "tile.bitwise_and(i32(6), 3)"
    ),
    _pair("bitwise_or", BITS, "|", "Bitwise or; logical or of truth values.", "a | b", "tile.bitwise_or(i32(6), 3)"),
    _pair(
        "bitwise_xor",
        BITS,
        "^",
        "Bitwise exclusive or; inequality of truth values.",
        "a ^ b",
        "tile.bitwise_xor(i32(6), 3)",
    ),
    _pair(
        "left_shift",
        INTEGERS,
        "<<",
        "Bits moved up; 0 when b is not below the width.",
        "a * 2**b",
        "tile.left_shift(i32(1), 4)",
    ),
    _pair(
        "right_shift",
        INTEGERS,
        ">>",
        "Bits moved down, the sign kept.",
        "floor(a / 2**b)",
        "tile.right_shift(i32(-16), 2)",
    ),
    _compare("equal", ALL, "==", "Whether a equals b; NaN equals nothing.", "tile.equal(f32(1.0), 1.0)"),
    _compare("not_equal", ALL, "!=", "Whether a differs from b.", "tile.not_equal(f32(1.0), 1.0)"),
    _compare("less", ALL, "<", "Whether a is below b.", "tile.less(f32(1.0), 2.0)"),
    _compare("less_equal", ALL, "<=", "Whether a is not above b.", "tile.less_equal(f32(1.0), 2.0)"),
    _compare("greater", ALL, ">", "Whether a is above b.", "tile.greater(f32(1.0), 2.0)"),
    _compare("greater_equal", ALL, ">=", "Whether a is not below b.", "tile.greater_equal(f32(1.0), 2.0)"),
    _pair(
        "logical_and", BOOLS, "", "Logical and.", "a and b", "tile.logical_and(bool_(True), False)", "logical", "bool"
    ),
    _pair("logical_or", BOOLS, "", "Logical or.", "a or b", "tile.logical_or(bool_(True), False)", "logical", "bool"),
    _pair(
        "logical_xor",
        BOOLS,
        "",
        "Logical exclusive or.",
        "a != b",
        "tile.logical_xor(bool_(True), False)",
        "logical",
        "bool",
    ),
    # selection and conversion
    Op(
        "where",
        "select",
        _CHOICE,
        ALL,
        "same",
        "Elements of a where cond holds, else of b.",
        "a if cond else b",
        "tile.where(bool_(True), f32(1.0), 0.0)",
    ),
    Op(
        "select",
        "select",
        _CHOICE,
        ALL,
        "same",
        "Another name of `where`.",
        "a if cond else b",
        "tile.select(bool_(False), f32(1.0), 0.0)",
    ),
    Op(
        "clip",
        "select",
        (_X, Parameter("lo", "operand", None), Parameter("hi", "operand", None)),
        NUMBERS,
        "same",
        "Elements bounded from both sides; NaN stays NaN.",
        "min(max(x, lo), hi)",
        "tile.clip(f32(7.0), 0.0, 6.0)",
    ),
    Op(
        "cast",
        "unary",
        (_X, _DTYPE),
        ALL,
        "dtype",
        "Elements of another dtype; floats to integers truncate and saturate (NaN gives 0), integers wrap.",
        "x.astype(dtype)",
        "tile.cast(f32(2.7), i32)",
    ),
)
