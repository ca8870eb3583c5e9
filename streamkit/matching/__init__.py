"""Matching: what a match is, and how all of them are found in a history."""

from streamkit.matching.census import Census
from streamkit.matching.find import Found, StreamMatches, find_matches
from streamkit.matching.identity import match_id
from streamkit.matching.table import MATCH_SCHEMA

__all__ = ["MATCH_SCHEMA", "Census", "Found", "StreamMatches", "find_matches", "match_id"]
