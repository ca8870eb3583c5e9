"""Database: one way to open what must survive a crash."""

from streamkit.database.opening import READING, open_database

__all__ = ["READING", "open_database"]
