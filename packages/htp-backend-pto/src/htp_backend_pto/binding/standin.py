"""Packages run on the host stand-in, in this process: the package's own sources, and checks that simulators leave out.

Knows the C interface `native/standin/abi.h`; how libraries are built is the business of `build`.
"""

from __future__ import annotations

import ctypes
import time
from typing import TYPE_CHECKING

import msgspec

from htp.diagnostics import Bug
from htp.runs import RunReport, TaskStatistics
from htp_backend_pto.binding.calls import Face
from htp_backend_pto.binding.reports import Report, diagnostic_of, graph_of_run, refused_run
from htp_backend_pto.profile import DATA_TYPES, profile_named
from htp_backend_pto.timing.runs import simulated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from htp.types import Array, Slot
    from htp_backend_pto.binding.build import Built
    from htp_backend_pto.binding.calls import Call
    from htp_backend_pto.binding.reports import Places
    from htp_backend_pto.contract import Package
    from htp_backend_pto.profile import Runtime

__all__ = ["Standin"]

DIRECTIONS = {"in": 0, "out": 1, "inout": 2}
CORES = {"aiv": 0, "aic": 1}
CLUSTERS = 24
"""Clusters of the simulated chip; each has a cube core and two vector cores."""


class Standin:
    """A loaded package; calling it runs the entry on arrays, by position or by name."""

    def __init__(self, contract: Package, places: Places, built: Built, target: str, runtime: Runtime) -> None:
        self.contract, self.target, self.runtime = contract, target, runtime
        self.face = Face(contract)
        self.places = places
        self.seed = 1
        """The seed of the order in which tasks run that are ready; 0 is the order of submission."""
        self._api = _api(str(built.executor))
        self._session = self._opened(built)

    def __call__(self, *args: object, **kwargs: object) -> None:
        """Runs the entry; Out and InOut arrays are written.

        Raises:
            Refused: a `run.*` code, the code of a check in the program, or `pto.simulator`.
        """
        self._run(self.face.call(args, kwargs))

    def run(self, *args: object, trace: bool = False, **kwargs: object) -> RunReport:
        """Runs the entry and reports its wall time; with `trace` also its tasks and simulated time.

        Tasks run one after the other here, so that only simulated time says what would run side by side.

        Raises:
            Refused: a `run.*` code, the code of a check in the program, or `pto.simulator`.
        """
        call = self.face.call(args, kwargs)
        self._option("trace", "on" if trace else "off")
        start = time.perf_counter()
        report = self._run(call)
        seconds = time.perf_counter() - start
        return RunReport(
            entry=self.contract.entry,
            target=self.target,
            mode="sim",
            wall_seconds=seconds,
            simulated=simulated(report, CLUSTERS, self._window) if trace else None,
            tasks=TaskStatistics(tasks=len(report.tasks), workers=1) if trace else None,
            graph=graph_of_run(report, self.places.calls) if trace else None,
            diagnostics=tuple(diagnostic_of(each, self.places) for each in report.diagnostics),
        )

    @property
    def _window(self) -> int | None:
        """How many tasks may be submitted and not retired; where the graph is built first there is no limit."""
        if self.runtime != "tensormap_and_ringbuffer":
            return None
        return self.contract.window or profile_named(self.contract.versions.profile).limits.window

    def report(self, *args: object, trace: bool = False, **kwargs: object) -> Report:
        """Runs the entry and returns all that the stand-in says of the run; findings are in it, and nothing is raised.

        With `trace` it also says what every core did, one instruction after the other.

        Raises:
            Refused: a `run.*` code.
        """
        self._option("trace", "on" if trace else "off")
        return self._ran(self.face.call(args, kwargs))[1]

    def attach(self, slots: Mapping[str, Slot[Array]]) -> None:
        """Reads these slots of a live program from now on, instead of the values stored in the package."""
        self.face.attach(slots)

    def _run(self, call: Call) -> Report:
        status, report = self._ran(call)
        if status:
            raise refused_run(report, self.contract, self.places)
        return report

    def _ran(self, call: Call) -> tuple[int, Report]:
        api, session = self._api, self._session
        self._option("seed", str(self.seed))
        api.htp_pto_clear(session)
        for parameter, array in call.arrays:
            shape = array.shape or (1,)
            sizes = (ctypes.c_uint32 * len(shape))(*shape)
            data, kind = ctypes.c_void_p(array.ctypes.data), list(DATA_TYPES).index(parameter.dtype)
            self._must(
                api.htp_pto_tensor(session, data, len(shape), sizes, NUMBERS[kind], DIRECTIONS[parameter.direction], 1)
            )
        for _, bits in call.scalars:
            self._must(api.htp_pto_scalar(session, ctypes.c_uint64(bits)))
        status = api.htp_pto_run(session)
        if status not in (0, 1):
            self._must(status)
        return status, msgspec.json.decode(api.htp_pto_report(session), type=Report)

    def _opened(self, built: Built) -> ctypes.c_void_p:
        session = ctypes.c_void_p(self._api.htp_pto_open())
        self._session = session
        for number, name, core, path in built.kernels:
            given = (number, name.encode(), str(path).encode(), CORES[core])
            self._must(self._api.htp_pto_kernel(session, *given))
        contract = self.contract
        symbols = (contract.entry_symbol.encode(), contract.config_symbol.encode())
        self._must(self._api.htp_pto_orchestration(session, str(built.orchestration).encode(), *symbols))
        self._option("runtime", self.runtime)
        self._option("clusters", str(CLUSTERS))
        if contract.window and self.runtime == "tensormap_and_ringbuffer":
            self._option("window", str(contract.window))
        return session

    def _option(self, name: str, value: str) -> None:
        self._must(self._api.htp_pto_option(self._session, name.encode(), value.encode()))

    def _must(self, status: int) -> None:
        if status:
            raise Bug(f"the stand-in says: {self._api.htp_pto_error(self._session).decode()}")

    def __del__(self) -> None:
        session = getattr(self, "_session", None)
        if session:
            self._api.htp_pto_close(session)


NUMBERS = (0, 1, 6, 7, 2, 3, 4, 8, 10, 9, 5, 11)
"""The numbers of `DATA_TYPES` in the runtime: hw-native-sys/simpler@6ebaf77, src/common/task_interface/data_type.h."""


def _api(path: str) -> ctypes.CDLL:
    api = ctypes.CDLL(path)
    api.htp_pto_open.restype = ctypes.c_void_p
    api.htp_pto_report.restype = ctypes.c_char_p
    api.htp_pto_error.restype = ctypes.c_char_p
    return api
