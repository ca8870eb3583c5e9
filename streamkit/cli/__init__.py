"""The command line."""

from streamkit.cli.main import main

__all__ = ["main"]
