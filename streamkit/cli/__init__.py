"""The command line."""

from streamkit.cli.main import main, run

__all__ = ["main", "run"]
