"""Events: where they are kept, what their columns mean, how their values read."""

from streamkit.events.history import History
from streamkit.events.schema import Schema, Sessionizer
from streamkit.events.source import EventSource

__all__ = ["EventSource", "History", "Schema", "Sessionizer"]
