"""Charting: pictures that need no network."""
