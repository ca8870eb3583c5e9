"""What a stream is: reading it, checking it, writing it, saying it in words."""

from streamkit.definition.authoring import cooldown, defined, event, exclude
from streamkit.definition.criteria import All, Any, Comparison, Criterion, Not, Scalar
from streamkit.definition.criteria_authoring import prop
from streamkit.definition.json_schema import stream_json_schema
from streamkit.definition.loading import load
from streamkit.definition.model import (
    Condition,
    Cooldown,
    Defined,
    Exclude,
    Frequency,
    Pattern,
    Step,
    conditions,
)
from streamkit.definition.named import NamedCondition, load_named
from streamkit.definition.named_writing import save_named
from streamkit.definition.rules import RULES, Rule
from streamkit.definition.stream import Stream

__all__ = [
    "RULES",
    "All",
    "Any",
    "Comparison",
    "Condition",
    "Cooldown",
    "Criterion",
    "Defined",
    "Exclude",
    "Frequency",
    "NamedCondition",
    "Not",
    "Pattern",
    "Rule",
    "Scalar",
    "Step",
    "Stream",
    "conditions",
    "cooldown",
    "defined",
    "event",
    "exclude",
    "load",
    "load_named",
    "prop",
    "save_named",
    "stream_json_schema",
]
