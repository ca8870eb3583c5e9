"""Payload: what is sent of a match."""

from streamkit.payload.body import Body
from streamkit.payload.payload import Payload, compile_payload
from streamkit.payload.rendering import Rendered, Rendering, render
from streamkit.payload.sampling import sample_context

__all__ = [
    "Body",
    "Payload",
    "Rendered",
    "Rendering",
    "compile_payload",
    "render",
    "sample_context",
]
