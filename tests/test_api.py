"""The package as its users see it."""

from __future__ import annotations

import subprocess
import sys

import streamkit

PUBLIC = {
    "Backtest", "Builder", "Connection", "Connections", "DefinitionError", "DeliveryError",
    "EventsError", "History", "Ledger", "LedgerSink", "LiveRun", "Match", "Matcher",
    "PayloadError", "Problem", "Rendering", "Schema", "SendReport", "Sessionizer", "Stream",
    "StreamkitError", "Trial", "backtest", "cooldown", "defined", "event", "exclude", "live",
    "load", "load_named", "prop", "render", "save_named", "send", "send_test",
    "stream_json_schema", "verify",
}  # fmt: skip


def test_the_public_names_are_these() -> None:
    """A name is added to or taken from the package on purpose only."""
    assert set(streamkit.__all__) == PUBLIC
    assert streamkit.__all__ == sorted(streamkit.__all__)


def test_every_public_name_is_there() -> None:
    """Names are found on first use, whatever was imported before."""
    import streamkit.backtesting
    import streamkit.definition

    for name in streamkit.__all__:
        assert getattr(streamkit, name).__name__ == name
    assert dir(streamkit) == streamkit.__all__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As in any module."""
    assert not hasattr(streamkit, "backtests")


def loaded(code: str) -> set[str]:
    """The modules that a Python of its own has after some code."""
    code += "\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def ended(call: str) -> str:
    """Code that makes a call and goes on when that ends the process."""
    return f"\ntry: {call}\nexcept SystemExit: pass"


def test_importing_the_package_loads_nothing() -> None:
    """`import streamkit` is cheap: no engine, no notebook, no HTTP client; of Python only `typing`."""
    alone = loaded("import __future__, importlib, typing")
    assert loaded("import streamkit") - alone == {"streamkit"}


def test_help_loads_nothing_but_the_parser() -> None:
    """`streamkit --help` loads what `argparse` does: no engine, no command, no look-up of the version."""
    parser = "import __future__, argparse, importlib, typing"
    alone = loaded(parser + ended("argparse.ArgumentParser().parse_args(['--help'])"))
    asked = loaded("from streamkit.cli import run" + ended("run(['--help'])"))
    assert asked - alone == {
        "streamkit",
        "streamkit.cli",
        "streamkit.cli.main",
        "streamkit.suggest",
    }


def test_help_of_a_command_loads_that_command_only() -> None:
    """The other commands are neither imported nor described."""
    asked = loaded("from streamkit.cli import run" + ended("run(['check', '--help'])"))
    modules = {name for name in asked if name.startswith("streamkit.")}
    assert modules == {
        "streamkit.cli", "streamkit.cli.check", "streamkit.cli.inputs", "streamkit.cli.main",
        "streamkit.errors", "streamkit.suggest",
    }  # fmt: skip
