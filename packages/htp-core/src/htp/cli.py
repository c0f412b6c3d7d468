"""The command line: what each verb takes, and how any end of a command becomes an exit code.

Knows arguments; what the verbs do is in `htp.tools.verbs`, and is imported when a verb runs.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from htp._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("text", "json", "jsonl", "sarif")
DOCUMENTS = ("markdown", "html")
_NO_PACKAGE = "the folder that `htp compile` wrote"
_PROGRAM = "a Python file and the kernel or routine in it, as gelu.py:gelu"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong as a diagnostic, in the format that was asked for."""

    def error(self, message: str) -> NoReturn:
        from htp.diagnostics import Refused

        raise Refused("cli.usage", message, notes=(" ".join(self.format_usage().split()),), help=f"{self.prog} --help")


def build_parser(*, plugins: bool = False) -> argparse.ArgumentParser:
    """The parser of every verb; with `plugins` also of the verbs that plugins add.

    A plugin adds a verb in its `htp_cli` hook and names, with `set_defaults(answer=…)`, the function that takes the
    parsed options and returns an `htp.tools.answers.Answer`.
    """
    parser = _Parser(prog="htp", description="Compiles tile programs written in Python.")
    parser.add_argument("--version", action="version", version=f"htp-core {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB", parser_class=_Parser)

    verb = _verb(verbs, "compile", "compile a program into a package")
    verb.add_argument("program", help=_PROGRAM)
    _target(verb)
    verb.add_argument("-o", "--out", help="the package's folder (build/ENTRY)")
    _steps(verb)
    verb.add_argument("--dims", default="", help="sizes known when compiling, as M=64,N=32")
    verb.add_argument(
        "--from", dest="start_at", metavar="NN", help="go on behind this stage; PROGRAM is its program.py"
    )

    verb = _verb(verbs, "run", "build a package, call it, and say what it computed")
    verb.add_argument("package", help=_NO_PACKAGE)
    _values(verb)
    _mode(verb)
    verb.add_argument("--toolchain", default="", help="build with another toolchain of the binding than the usual one")
    verb.add_argument("--check", action="store_true", help="compare with stage 00 on the same inputs")

    verb = _verb(verbs, "report", "write a page that shows a package, and run it once where it can run here")
    _view(verb, "the page (beside the package, PKG.html)")

    verb = _verb(verbs, "trace", "run a package once and write its timeline, for Perfetto")
    _view(verb, "the timeline (beside the package, PKG.trace.json)")

    verb = _verb(verbs, "plan", "find out whether and how a program can be compiled")
    verb.add_argument("program", help=_PROGRAM)
    _target(verb)
    _steps(verb)
    verb.add_argument("--why", action="store_true", help="every reason: for each step, or for there being no plan")

    verb = _verb(verbs, "matrix", "what goes together: every installed unit against every target", FORMATS + DOCUMENTS)
    verb.add_argument("--target", action="append", default=[], help="a target of `htp targets`, repeatable (all)")

    _verb(verbs, "targets", "what can be compiled for, and what runs here")
    verb = _verb(verbs, "plugins", "what is installed, and what was left out and why")
    verb.add_argument("name", nargs="?", help="a plugin or a distribution: the names of what it brings (all, counted)")
    _verb(verbs, "doctor", "check Python, packages, plugins, targets and the cache")

    verb = _verb(verbs, "replay", "run stages of a package as ordinary Python")
    verb.add_argument("package", help=_NO_PACKAGE)
    verb.add_argument("--stage", help="a stage's number or pass (the last one)")
    verb.add_argument("--from", dest="first", help="the first of several stages")
    verb.add_argument("--to", dest="last", help="the last of several stages")
    _values(verb)

    verb = _verb(verbs, "verify", "check a package: 0 seal, 1 stages run, 2 stages agree, 3 the built artifact agrees")
    verb.add_argument("package", help=_NO_PACKAGE)
    verb.add_argument("--level", type=int, choices=range(4), default=2, help="how far to go (2)")
    verb.add_argument("--seeds", default="1,2", help="seeds of the inputs, as 1,2")
    verb.add_argument("--dims", default="", help="sizes, as M=64,N=32")
    verb.add_argument("--mode", default="", choices=("", "sim", "device"), help="how level 3 runs it")

    verb = _verb(verbs, "explain", "the page of a diagnostic code")
    verb.add_argument("code", nargs="?", help="a code such as type.shape-mismatch; without it, all codes")

    verb = _verb(verbs, "new", "start an extension: a package that installs, passes its tests and conforms")
    verb.add_argument("kind", choices=("dialect", "intrinsics", "layout", "pass", "backend"))
    verb.add_argument("name", help="lower-case words with hyphens, as ring-buffer")
    verb.add_argument("-o", "--out", help="the new folder (htp-KIND-NAME)")

    verb = _verb(verbs, "conform", "hold an installed extension against the laws of its kind")
    verb.add_argument("name", help="a plugin of `htp plugins`, or a distribution")
    verb.add_argument("--programs", metavar="FILE", help="a Python file with programs to try besides core's own")

    verb = _verb(verbs, "demo", "run one of the programs that plugins bring to show what they do")
    verb.add_argument("name", nargs="?", help="which; without it, all of them")
    verb.add_argument("--list", action="store_true", help="say only which there are")

    verb = _verb(verbs, "cache", "look into the cache of built things")
    verb.add_argument("action", choices=("ls", "path", "prune", "verify"))
    verb.add_argument("--bytes", type=int, help="with prune: how much may stay")

    verb = _verb(verbs, "schema", "the JSON Schema of a file HTP writes")
    verb.add_argument("name", nargs="?", help="which; without it, all are listed")
    if plugins:
        from htp.session import current_session

        current_session().emit_event("htp_cli", verbs=verbs)
    return parser


def _verb(
    verbs: argparse._SubParsersAction[_Parser],  # pyright: ignore[reportPrivateUsage]
    name: str,
    summary: str,
    formats: tuple[str, ...] = FORMATS,
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    verb.add_argument("--format", choices=formats, default="text", help="how to answer on standard output")
    verb.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="whether to use colour")
    return verb


def _target(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--target", default="cpu", help="a target of `htp targets` (cpu)")


def _steps(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--schedule", help="a schedule in the same file, or FILE:NAME")
    verb.add_argument("--strict", action="store_true", help="refuse what is otherwise a warning")
    verb.add_argument("--pin", action="append", default=[], metavar="PASS", help="a pass that must run, repeatable")
    verb.add_argument("--forbid", action="append", default=[], metavar="PASS", help="a pass that must not, repeatable")
    verb.add_argument("--plan", help="a plan.json, or a package with one, whose steps are run")


def _view(verb: argparse.ArgumentParser, out: str) -> None:
    verb.add_argument("package", help=_NO_PACKAGE)
    verb.add_argument("-o", "--out", metavar="FILE", help=out)
    _inputs(verb)
    _mode(verb)


def _inputs(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--seed", type=int, default=1, help="seed of the inputs (1)")
    verb.add_argument("--dims", default="", help="sizes, as M=64,N=32")
    verb.add_argument("--inputs", help="an .npz file of inputs by name")


def _values(verb: argparse.ArgumentParser) -> None:
    _inputs(verb)
    verb.add_argument("--outputs", help="where to write the outputs, as .npz")


def _mode(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--mode", default="", choices=("", "sim", "device"), help="how to run it")


def use_colour(choice: str) -> bool:
    """Whether to colour: as told, else by NO_COLOR and FORCE_COLOR, else only on a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stderr.isatty()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code; never ends in a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _answer(words)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _answer(words: list[str]) -> int:
    from htp.diagnostics import Refused
    from htp.tools.answers import Answer, deliver, refusal

    options = argparse.Namespace(verb=words[0] if words else "", format=_wanted(words, "--format"), color="auto")
    answer: Answer
    try:
        from htp.tools.verbs import VERBS

        foreign = bool(words) and not words[0].startswith("-") and words[0] not in VERBS
        options = build_parser(plugins=foreign).parse_args(words, options)
        answer = VERBS[options.verb](options) if options.verb in VERBS else options.answer(options)
    except Refused as refused:
        answer = refusal(refused)
    except Exception as error:
        from htp.tools.reproducer import internal

        answer = internal(error, words)
    return deliver(answer, options.verb, words, format=options.format, colour=use_colour(options.color))


def _wanted(words: Sequence[str], option: str) -> str:
    """The value of an option in a command line that could not be parsed."""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        value = following if word == option else word.removeprefix(f"{option}=")
        if word.startswith(option) and value in FORMATS:
            return value
    return "text"
