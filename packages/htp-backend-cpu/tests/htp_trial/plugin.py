"""What the trial package contributes."""

from htp.declarations import HandlerSet, IntrinsicSet
from htp.hooks import hookimpl

HTP_API = 1

NAMES = (
    "rowmax", "doubled", "scaled", "ranked", "reach", "total", "behind", "windows", "squashed", "noted", "opaque",
    "ramp",
)  # fmt: skip


@hookimpl
def htp_intrinsics() -> tuple[IntrinsicSet, ...]:
    return (IntrinsicSet("trial", "htp_trial.trial", NAMES, opaque=("opaque",)),)


@hookimpl
def htp_handlers() -> tuple[HandlerSet, ...]:
    return (HandlerSet("cpu", "htp_trial.handlers", tuple(f"trial.{each}" for each in NAMES)),)
