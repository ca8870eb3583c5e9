"""Database: one way to open what must survive a crash."""

from streamkit.database.opening import open_database

__all__ = ["open_database"]
