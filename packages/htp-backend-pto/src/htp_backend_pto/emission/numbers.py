"""The few functions that kernels may call, each as text: a kernel's file has those it uses and no others.

Kernels run on the device, where nothing can be linked to them, so that these are inlined and need no header.
"""

from __future__ import annotations

import re
from types import MappingProxyType

from htp_backend_pto.emission.mix_parts import PARTS
from htp_backend_pto.emission.patches import IMG2COL
from htp_backend_pto.emission.scaled import SCALED

__all__ = ["used_functions"]

INLINE = "static inline __aicore__ __attribute__((always_inline))"
RANDOM = f"""\
template <int Rounds, typename D>
{INLINE} void random(D &dst, int64_t key, int64_t counter, int64_t stream) {{
    TRandomKey keys = {{uint32_t(key), uint32_t(key >> 32)}};
    TRandomCounter counts = {{uint32_t(counter), uint32_t(counter >> 32), uint32_t(stream), uint32_t(stream >> 32)}};
    TRANDOM<Rounds>(dst, keys, counts);
}}"""
WITHIN = f"""\
template <typename D, typename X> {INLINE} void within(D &dst, X &x, int64_t size, int line) {{
    TRESHAPE(dst, x);
#ifdef HTP_PTO_STANDIN
    pto::standin::check_within(dst, size, line);
#endif
}}"""
FUNCTIONS = MappingProxyType(
    {
        **{
            f"{name} {type_}": f"{INLINE} {type_} {name}({type_} a, {type_} b) {{ return {test} ? b : a; }}"
            for name, test in (("min", "b < a"), ("max", "a < b"))
            for type_ in ("int64_t", "double")
        },
        **{
            f"absolute {type_}": f"{INLINE} {type_} absolute({type_} a) {{ return a < 0 ? -a : a; }}"
            for type_ in ("int64_t", "double")
        },
        # Python rounds towards minus infinity, C++ towards zero.
        "floordiv": f"{INLINE} int64_t floordiv(int64_t a, int64_t b) "
        "{ return a / b - ((a % b != 0) & ((a < 0) != (b < 0))); }",
        "mod": f"{INLINE} int64_t mod(int64_t a, int64_t b) {{ return a - floordiv(a, b) * b; }}",
        # A negative bound of a slice counts from the end.
        "clip_index": f"{INLINE} int64_t clip_index(int64_t a, int64_t size) "
        "{ return a < 0 ? (a + size < 0 ? 0 : a + size) : (a < size ? a : size); }",
        "random": RANDOM,
        "img2col": IMG2COL,
        "within": WITHIN,
        **SCALED,
        **PARTS,
    }
)
NEEDS = MappingProxyType({"mod": ("floordiv",), **dict.fromkeys(SCALED, ("in_rows",))})


def used_functions(text: str) -> list[str]:
    """The definitions that `text` needs, as lines.

    >>> used_functions("a = htp::mod(b, c);")[0]
    'namespace htp {'
    """
    called = set(re.findall(r"\bhtp::(\w+)", text))
    called |= {needed for each in called for needed in NEEDS.get(each, ())}
    found = [definition for name, definition in FUNCTIONS.items() if name.partition(" ")[0] in called]
    lines = [line for each in found for line in each.splitlines()]
    return ["namespace htp {", *lines, "}  // namespace htp", ""] if found else []
