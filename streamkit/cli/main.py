"""`streamkit`: the commands, and what they have in common."""

from __future__ import annotations

import argparse
import io
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from streamkit.suggest import did_you_mean

__all__ = ["COMMANDS", "main", "run"]

COMMANDS = {
    "catalog": "What events are there, what are their properties, and what values do these take?",
    "check": "Are stream files valid, do the events have what they ask for, and what do they mean?",
    "backtest": "How often would streams have fired over a history of events?",
    "verify": "Does matching event by event find what the backtest finds in these events?",
    "render": "What would streams send? The bodies of their matches; nothing is sent",
    "send-test": "Does the endpoint take what a stream would send? Sends one request and shows it",
    "send": "Send every match of a range to its destination, once.",
    "live": "Match events as they come, and hand matches over.",
    "status": "Where is every match of a ledger, and what is in the way of the rest?",
    "dead-letters": "List the matches that will not be sent any more, or let them wait again.",
    "pause": "Hold a stream or a destination: its matches wait.",
    "resume": "Let a paused or parked stream or destination go on.",
}
"""What each answers. Each has a module of its name, with `add_arguments(parser)` and `run(arguments)`,
the exit code; it is imported when the command is asked, so that `--help` is there at once."""

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


class _ShowVersion(argparse.Action):
    """Prints the version and ends; it is looked up only then."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        """Print the version."""
        from importlib.metadata import version

        print(f"streamkit {version('streamkit')}")  # noqa: T201 # the option's output
        parser.exit(DONE)


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
    if not words:
        _parser().print_help(sys.stderr)
        return BAD_INPUT
    try:
        return _answer(_parse(words))
    except _BadArgumentsError as error:
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


def _answer(arguments: argparse.Namespace) -> int:
    """Run the command; what is wrong with its input is told."""
    from streamkit.errors import StreamkitError

    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except StreamkitError as error:
        if arguments.debug:
            raise
        _complain(str(error))
        return BAD_INPUT


def _parser(asked: str | None = None) -> argparse.ArgumentParser:
    """All commands with their summaries, and the arguments of the one that is asked."""
    parser = _Parser(
        prog="streamkit",
        description="Say once what should trigger a message; know from history how often it"
        " would have fired; then switch it on.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action=_ShowVersion, nargs=0, help="show program's version number and exit"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)
    for name, summary in COMMANDS.items():
        added = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if name == asked:  # the others are only listed
            command = _command(name)
            command.add_arguments(added)
            added.add_argument(
                "--debug", action="store_true", help="show the traceback of an error"
            )
            added.set_defaults(run=command.run, options=added.options)
    return parser


def _command(name: str) -> ModuleType:
    return import_module(f"streamkit.cli.{name.replace('-', '_')}")


def _parse(words: list[str]) -> argparse.Namespace:
    """The arguments, with a hint for a command or an option that is misspelt."""
    first = words[0]
    if first.startswith("-") and first not in ("-h", "--help", "--version"):
        raise _BadArgumentsError(
            f"streamkit: options come behind a command, not {first!r} in its place."
            " Hint: see 'streamkit --help'"
        )
    if not first.startswith("-") and first not in COMMANDS:
        hint = did_you_mean(first, COMMANDS) or f"the commands are {', '.join(COMMANDS)}"
        raise _BadArgumentsError(f"streamkit: no command {first!r}. Hint: {hint}")
    arguments, unknown = _parser(first).parse_known_args(words)
    if unknown:
        if not unknown[0].startswith("-"):
            raise _BadArgumentsError(
                f"streamkit {first}: {unknown[0]!r} was not expected."
                " Hint: put a path with a * in quotes, so that the shell leaves it whole"
            )
        near = did_you_mean(unknown[0].split("=")[0], arguments.options)
        raise _BadArgumentsError(
            f"streamkit {first}: no option {unknown[0]!r}" + (f". Hint: {near}" if near else "")
        )
    return arguments


def _discard_output() -> None:
    """Let what is still to be written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 # the command's output
