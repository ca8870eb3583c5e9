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


def test_importing_the_package_loads_nothing_heavy() -> None:
    """`import streamkit` is cheap: no engine, no notebook, no HTTP client."""
    heavy = "duckdb", "polars", "numpy", "pyarrow", "ruamel", "re2", "rich", "httpx", "IPython"
    code = f"import sys, streamkit; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_loads_nothing_heavy() -> None:
    """`streamkit --help` answers before any engine is loaded."""
    code = (
        "import sys; from streamkit.cli import run\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('duckdb', 'polars', 'numpy', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
