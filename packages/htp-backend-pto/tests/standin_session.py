"""The host stand-in from Python for tests: a session that runs hand-written kernels and orchestrations.

Knows the executor's C interface (`native/standin/abi.h`); how the parts are built is in `standin_driver.py`.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Literal, Self

from standin_report import Report, decode

from htp.diagnostics import Bug

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

__all__ = ["DTYPE_NUMBERS", "Core", "Session"]

Core = Literal["aiv", "aic"]
Direction = Literal["in", "out", "inout"]

# hw-native-sys/simpler@6ebaf77, src/common/task_interface/data_type.h
DTYPE_NUMBERS = {
    "f32": 0, "f16": 1, "i32": 2, "i16": 3, "i8": 4, "u8": 5, "bf16": 6, "i64": 7, "u64": 8, "u16": 9, "u32": 10,
    "bool_": 11,
}  # fmt: skip


class Session:
    """A loaded package: kernels by number, an orchestration, options; run as often as one likes."""

    def __init__(self, executor: Path) -> None:
        self._library = _declared(ctypes.CDLL(str(executor)))
        self._session = self._library.htp_pto_open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._library.htp_pto_close(self._session)

    def kernel(self, func_id: int, name: str, path: Path, core: Core) -> None:
        """Loads a compiled kernel under the number that the orchestration submits it by."""
        self._expect(
            self._library.htp_pto_kernel(self._session, func_id, name.encode(), str(path).encode(), int(core == "aic"))
        )

    def orchestration(self, path: Path, entry: str, config: str | None = None) -> None:
        """Loads a compiled orchestration."""
        config_name = None if config is None else config.encode()
        self._expect(
            self._library.htp_pto_orchestration(self._session, str(path).encode(), entry.encode(), config_name)
        )

    def option(self, name: str, value: object) -> None:
        """Sets an option; `abi.h` lists them."""
        self._expect(self._library.htp_pto_option(self._session, name.encode(), str(value).encode()))

    def run(
        self,
        tensors: Sequence[tuple[npt.NDArray[np.generic], str, Direction]],
        scalars: Sequence[int] = (),
        *,
        staged: bool = True,
    ) -> Report:
        """Runs the package on arrays, in place, and says what happened.

        Args:
            tensors: Contiguous arrays with their dtype's name (`DTYPE_NUMBERS`) and direction.
            scalars: The bits of each scalar, as 64-bit numbers.
            staged: Whether the orchestration may read the arrays on the host.
        """
        self._library.htp_pto_clear(self._session)
        for array, dtype, direction in tensors:
            if not array.flags.c_contiguous:
                raise Bug("the stand-in takes contiguous arrays")
            shape = (ctypes.c_uint32 * array.ndim)(*array.shape)
            number = ("in", "out", "inout").index(direction)
            self._expect(
                self._library.htp_pto_tensor(
                    self._session, array.ctypes.data, array.ndim, shape, DTYPE_NUMBERS[dtype], number, int(staged)
                )
            )
        for bits in scalars:
            self._expect(self._library.htp_pto_scalar(self._session, bits))
        if self._library.htp_pto_run(self._session) == 2:
            self._expect(2)
        return decode(self._library.htp_pto_report(self._session))

    def _expect(self, result: int) -> None:
        if result != 0:
            raise Bug(f"the stand-in: {self._library.htp_pto_error(self._session).decode()}")


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "open": (pointer, ()),
        "close": (None, (pointer,)),
        "kernel": (number, (pointer, ctypes.c_int32, text, text, number)),
        "orchestration": (number, (pointer, text, text, text)),
        "option": (number, (pointer, text, text)),
        "tensor": (number, (pointer, pointer, ctypes.c_uint32, pointer, number, number, number)),
        "scalar": (number, (pointer, ctypes.c_uint64)),
        "run": (number, (pointer,)),
        "report": (text, (pointer,)),
        "clear": (None, (pointer,)),
        "error": (text, (pointer,)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"htp_pto_{name}")
        function.restype = result
        function.argtypes = arguments
    return library
