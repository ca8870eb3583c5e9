"""Payload: what is sent of a match."""
