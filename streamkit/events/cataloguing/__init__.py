"""The catalogue: what a history holds, before a stream is written."""

from streamkit.events.cataloguing.entries import (
    Catalog,
    DefinedEntry,
    EventEntry,
    Finding,
    PropertyEntry,
    ValueShare,
)

__all__ = ["Catalog", "DefinedEntry", "EventEntry", "Finding", "PropertyEntry", "ValueShare"]
