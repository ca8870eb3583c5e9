"""`streamkit`: the commands, and what they have in common."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib.metadata import version
from typing import NoReturn

from streamkit.cli import (
    backtest,
    catalog,
    check,
    dead_letters,
    live,
    pause,
    render,
    resume,
    send,
    send_test,
    status,
    verify,
)
from streamkit.errors import StreamkitError
from streamkit.suggest import did_you_mean

__all__ = ["main", "run"]

COMMANDS = (
    catalog, check, backtest, verify, render, send_test, send, live, status, dead_letters, pause,
    resume,
)  # fmt: skip
"""A module each: `NAME`, `HELP`, `add_arguments(parser)` and `run(arguments)`, the exit code."""

DONE, BAD_INPUT, INTERRUPTED = 0, 2, 130
INTERRUPTED_MEANS = {
    "send": "no report is made; 'streamkit status' says what was sent and what waits",
    "dead-letters": "'streamkit status' says what waits",
}
"""Of commands that write as they go; the others wrote nothing."""


class _BadArgumentsError(Exception):
    """The command line itself is wrong."""


class _Parser(argparse.ArgumentParser):
    """An argument parser that says what is wrong in one line, with the nearest right word."""

    @property
    def options(self) -> list[str]:
        """The long options, those of groups included."""
        names = (name for action in self._actions for name in action.option_strings)
        return [name for name in names if name.startswith("--")]

    def error(self, message: str) -> NoReturn:
        raise _BadArgumentsError(f"{self.prog}: {message}\nHint: see '{self.prog} --help'")


def main() -> NoReturn:
    """Run the command line and end the process."""
    sys.exit(run(sys.argv[1:]))


def run(words: list[str]) -> int:
    """Run one command.

    Args:
        words: What stands behind `streamkit`.

    Returns:
        0 done, 1 findings, 2 bad input, 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal cannot show is no error
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    if not words:
        parser.print_help(sys.stderr)
        return BAD_INPUT
    try:
        arguments = _parse(parser, words)
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except _BadArgumentsError as error:
        _complain(str(error))
        return BAD_INPUT
    except StreamkitError as error:
        if arguments.debug:
            raise
        _complain(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        _complain(
            f"streamkit: interrupted, {INTERRUPTED_MEANS.get(words[0], 'nothing was written')}"
        )
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _discard_output()
        return DONE
    except OSError as error:
        _discard_output()
        _complain(f"streamkit: the answer could not be written: {error.strerror or error}")
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="streamkit",
        description="Say once what should trigger a message; know from history how often it"
        " would have fired; then switch it on.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"streamkit {version('streamkit')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    for command in COMMANDS:
        added = commands.add_parser(
            command.NAME, help=command.HELP, description=command.HELP, allow_abbrev=False
        )
        command.add_arguments(added)
        added.add_argument("--debug", action="store_true", help="show the traceback of an error")
        added.set_defaults(run=command.run, options=added.options)
    return parser


def _parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """The arguments, with a hint for a command or an option that is misspelt."""
    names = [command.NAME for command in COMMANDS]
    if words[0].startswith("-") and words[0] not in ("-h", "--help", "--version"):
        raise _BadArgumentsError(
            f"streamkit: options come behind a command, not {words[0]!r} in its place."
            " Hint: see 'streamkit --help'"
        )
    if not words[0].startswith("-") and words[0] not in names:
        hint = did_you_mean(words[0], names) or f"the commands are {', '.join(names)}"
        raise _BadArgumentsError(f"streamkit: no command {words[0]!r}. Hint: {hint}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        if not unknown[0].startswith("-"):
            raise _BadArgumentsError(
                f"streamkit {words[0]}: {unknown[0]!r} was not expected."
                " Hint: put a path with a * in quotes, so that the shell leaves it whole"
            )
        near = did_you_mean(unknown[0].split("=")[0], arguments.options)
        raise _BadArgumentsError(
            f"streamkit {words[0]}: no option {unknown[0]!r}" + (f". Hint: {near}" if near else "")
        )
    return arguments


def _discard_output() -> None:
    """Let what is still to be written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 # the command's output
