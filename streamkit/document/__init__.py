"""Documents: YAML and JSON files as trees that know the line of every key."""

from streamkit.document.files import Origin, read_document, read_text
from streamkit.document.nodes import Document, Node, line_of

__all__ = ["Document", "Node", "Origin", "line_of", "read_document", "read_text"]
