"""What patches of an image ask of the image and of the filter.

Source: hw-native-sys/pto-isa@cd4a3d3f, include/pto/npu/a2a3/TImg2col.hpp and include/pto/common/pto_tile.hpp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["patch_problem"]

MOST = 255
"""What a register has 8 bits for."""
EDGES = ("top", "bottom", "left", "right")


def patch_problem(
    channels: int | None, block: int, given: Mapping[str, int], numbers: Mapping[str, int]
) -> tuple[str, str] | None:
    """What is wrong with an image of so many channels, `block` of which are 32 bytes, and what to do.

    `given` are the attributes, `numbers` the operands that are constant.
    """
    for name, value in given.items():
        least, most = (0, MOST) if name in EDGES else (1, (1 << 16) - 1 if name in ("height", "width") else MOST)
        if not least <= value <= most:
            return f"`{name}` is {least} to {most}, and {value} is not", "take what the unit counts"
    if given["block"] != block:
        return f"a block of channels is 32 bytes, and {given['block']} are not", f"write `block={block}`"
    if channels is None or channels % block:
        return (
            f"an image has a constant multiple of {block} channels, and here are {_text(channels)}",
            f"give it zeros for channels up to a multiple of {block}",
        )
    pixels = given["height"] * given["width"]
    whole = max(block, 16)
    if pixels % whole and channels > block:
        return (
            f"an image of more than {block} channels has a multiple of {whole} pixels, and {pixels} is none",
            f"take {block} channels at a time, or give the image rows of zeros",
        )
    down, across = (_steps(given, *each) for each in (("height", "top", "bottom"), ("width", "left", "right")))
    last = {"row": down * across, "col": channels * given["filter_height"] * given["filter_width"]}
    for name, end in last.items():
        start, length = numbers.get(name, 0), numbers.get(f"{name}s", 1)
        if down < 1 or across < 1 or start < 0 or start + length > end:
            return (
                f"the filter gives {max(down, 0)} x {max(across, 0)} rows of {last['col']}, and {name}s {start} to "
                f"{start + length} are not all there",
                f"take {name}s 0 to {end} at most",
            )
    if numbers.get("col", 0) % block or numbers.get("cols", 0) % block:
        return f"columns are taken in blocks of {block}", f"make `col` and `cols` multiples of {block}"
    return None


def _steps(given: Mapping[str, int], name: str, before: str, behind: str) -> int:
    """How many places the filter has along a side."""
    reach = given[f"dilation_{name}"] * (given[f"filter_{name}"] - 1) + 1
    return (given[name] + given[before] + given[behind] - reach) // given[f"stride_{name}"] + 1


def _text(size: int | None) -> str:
    return "a number that depends on the run" if size is None else str(size)
