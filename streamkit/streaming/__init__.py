"""Streaming: sources, a state that survives, and sinks around a running matcher."""
