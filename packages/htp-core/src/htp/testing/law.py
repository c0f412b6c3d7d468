"""Laws: what a conformance class checks, how it says what is broken, and what it may leave out.

Knows how a law fails or is skipped; does not know any law.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ClassVar, Generic, NoReturn, TypeVar, cast, overload
from unittest import SkipTest

from htp.diagnostics import Bug, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Broken", "Conformance", "Undeclared", "broken", "law", "said", "shared", "undeclared"]

S = TypeVar("S", bound="Conformance[object]")
T = TypeVar("T")
U = TypeVar("U", covariant=True)


class Broken(AssertionError):
    """A law that a subject breaks: what offends it, and how to mend it."""

    def __init__(self, offender: str, mend: str, *, law: str = "", unit: str = "") -> None:
        self.offender = offender
        self.mend = mend
        lines = [f"{unit} breaks a law" if unit else "", f"law: {law}" if law else ""]
        lines += [f"offender: {offender}", f"mend: {mend}"]
        super().__init__("\n".join(line for line in lines if line))


class Undeclared(SkipTest):
    """A law that says nothing about a subject, since the subject does not declare what the law is about."""

    def __init__(self, capability: str, reason: str) -> None:
        self.capability = capability
        self.reason = reason
        super().__init__(f"{capability}: {reason}")


def broken(offender: str, mend: str) -> NoReturn:
    """Fails the law that is being checked."""
    raise Broken(offender, mend)


def undeclared(capability: str, reason: str) -> NoReturn:
    """Skips the law that is being checked: `capability` is the part of the declaration that it is keyed by."""
    raise Undeclared(capability, reason)


def said(error: BaseException) -> str:
    """An exception in one line; of a refusal its code and message."""
    if isinstance(error, Refused):
        return f"{error.code}: {error.diagnostic.message}"
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def law(check: Callable[[S], None]) -> Callable[[S], None]:
    """Marks a method as a law; its docstring's first paragraph is the law, and each failure quotes it.

    Whatever else the method raises fails the law too: no law lets its subject raise.
    """
    text = " ".join((check.__doc__ or "").split("\n\n", 1)[0].split())

    @wraps(check)
    def checked(self: S) -> None:
        unit = type(self).unit()
        if self.subject is None:
            raise Broken(f"`{type(self).__name__}` has no subject", "write `subject = …` in its body", unit=unit)
        try:
            check(self)
        except SkipTest:
            raise
        except Broken as found:
            raise Broken(found.offender, found.mend, law=text, unit=unit) from found.__cause__
        except (Exception, SystemExit) as error:
            who = "a bug" if isinstance(error, Bug) else "not what the law allows"
            mend = f"mend what raises it; it is {who}"
            raise Broken(f"it raised {said(error)}", mend, law=text, unit=unit) from error

    checked.is_law = True  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return checked


class shared(Generic[T]):  # noqa: N801 - used as a decorator
    """A value that is made once for a class and all laws of it, when the first of them asks."""

    def __init__(self, make: Callable[[S], T]) -> None:  # pyright: ignore[reportInvalidTypeVarUse]
        self.make = cast("Callable[[object], T]", make)
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        """Remembers the name under which the class keeps the value."""
        self.key = f"_shared_{name}"

    @overload
    def __get__(self, instance: None, owner: type[Conformance[object]]) -> shared[T]: ...
    @overload
    def __get__(self, instance: object, owner: type[Conformance[object]]) -> T: ...
    def __get__(self, instance: object, owner: type[Conformance[object]]) -> T | shared[T]:
        """The value of that class; of the class itself this, since pytest looks at every name when it collects."""
        if instance is None:
            return self
        if self.key not in vars(owner):
            setattr(owner, self.key, self.make(instance))
        return cast("T", vars(owner)[self.key])


class Conformance(Generic[U]):
    """Laws about one kind of extension; a subclass says with `subject` which one they are asked of."""

    kind: ClassVar[str] = ""
    subject: ClassVar[object] = None

    @property
    def tested(self) -> U:
        """The subject; laws run only when there is one."""
        return cast("U", self.subject)

    @classmethod
    def unit(cls) -> str:
        """What is checked: `pass axe.fold`."""
        name: object = getattr(cls.subject, "name", None) or getattr(cls.subject, "KIND", None) or cls.subject
        return f"{cls.kind} `{name if isinstance(name, str) else getattr(name, '__name__', repr(name))}`"

    @classmethod
    def laws(cls) -> tuple[str, ...]:
        """The names of the methods that are laws, in the order in which they stand."""
        known = {name: value for each in reversed(cls.__mro__) for name, value in vars(each).items()}
        return tuple(name for name, value in known.items() if getattr(value, "is_law", False))

    @shared
    def notes(self) -> dict[str, str]:
        """What a law measured, by its name; shown beside the outcome."""
        return {}
