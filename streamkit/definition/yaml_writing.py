"""Streams as YAML: written afresh, or the file they came from with its comments."""

from __future__ import annotations

import io
import json
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from streamkit.definition.reading_context import Reading
from streamkit.definition.stream_reading import STREAM_KEYS, read_stream
from streamkit.document.yaml_text import read_yaml, resolve_plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamkit.definition.stream import Stream
    from streamkit.document.files import Origin

__all__ = ["dump_yaml", "merge_mapping", "merge_text", "stream_yaml"]

FLOW_WIDTH = 60
"""Mappings and lists that fit are written in braces, as people write `where: {price: {gt: 20}}`."""
LONGEST_COMPARED = 1_000
"""Longer lists are replaced as a whole: finding what moved is quadratic."""
BLOCK_KEYS = frozenset(["steps", "any_of", "payload", "destination"])
TAGS = {str: "str", bool: "bool", int: "int", float: "float", type(None): "null"}
ODD_STARTS = frozenset(["-", ":", "- ", ": "])
DASH = re.compile(
    r"^( *)(?:[^\s#][^\n]*:[ \t]*(?:#[^\n]*)?)\r?\n(?:[ \t]*(?:#[^\n]*)?\r?\n)*( *)- ", re.M
)


def stream_yaml(stream: Stream) -> str:
    """The stream as YAML; see `Stream.to_yaml`."""
    data = stream.to_dict()
    origin = stream.origin
    if origin is None or not origin.is_yaml:
        return dump_yaml(data)
    named = {defined.name: defined.alternatives for defined in stream.named_conditions}
    before = _read_back(origin.text, named, stream)
    if before == stream:
        return origin.text
    if before is not None:
        for deep in (True, False):
            text = merge_text(origin, before.to_dict(), data, deep=deep)
            if text is not None and _read_back(text, named, stream) == stream:
                return text
    return dump_yaml(data)


def _read_back(text: str, named: Mapping[str, Any], stream: Stream) -> Stream | None:
    """The stream that the text now reads as; None if it is not valid."""
    reading = Reading(read_yaml(text.removeprefix("\ufeff")), named)
    draft = read_stream(reading)
    return None if reading.problems else type(stream).from_draft(draft)


def merge_text(
    origin: Origin, before: Mapping[str, Any], after: Mapping[str, Any], *, deep: bool = True
) -> str | None:
    """A file's text with some of its data changed and its comments kept.

    Args:
        origin: The file.
        before: The file's data in canonical form.
        after: What it should be.
        deep: Change as little as possible; otherwise replace whole top-level values.

    Returns:
        The new text; None where the document cannot be edited.
    """
    from ruamel.yaml.error import YAMLError  # slow to import

    yaml = _round_trip(origin.text)
    try:
        document = yaml.load(origin.text.removeprefix("\ufeff"))
        if not isinstance(document, dict):
            return None
        merge_mapping(document, before, after, deep=deep)
        return _dumped(yaml, document, origin.text)
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError):
        # ruamel.yaml cannot edit some documents that it can read, such as ones with merge keys
        return None


def _round_trip(like: str = "") -> Any:
    """A reader and writer that keeps comments and the indentation of a text."""
    from ruamel.yaml import YAML  # slow to import
    from ruamel.yaml.nodes import ScalarNode  # slow to import
    from ruamel.yaml.representer import RoundTripRepresenter  # slow to import
    from ruamel.yaml.resolver import VersionedResolver  # slow to import
    from ruamel.yaml.tag import Tag  # slow to import

    class Representer(RoundTripRepresenter):
        """Writes odd texts with escapes."""

    class CoreResolver(VersionedResolver):
        """Resolves plain scalars as the reader does."""

        def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
            if kind is ScalarNode and implicit[0]:
                return Tag(suffix=_plain_tag(value))
            return super().resolve(kind, value, implicit)

    Representer.add_representer(str, _represent_text)
    yaml = YAML()
    yaml.Representer = Representer
    yaml.Resolver = CoreResolver
    yaml.width = 1_000_000
    yaml.preserve_quotes = True
    yaml.allow_unicode = True
    found = DASH.search(like)
    offset = len(found[2]) - len(found[1]) if found else 2
    yaml.indent(mapping=2, sequence=offset + 2, offset=offset)
    return yaml


def _plain_tag(text: str) -> str:
    """The tag of a plain scalar; a number too long to read is still no text."""
    try:
        kind = type(resolve_plain(str(text)))  # ruamel.yaml has kinds of text of its own
    except ValueError:
        kind = int
    return f"tag:yaml.org,2002:{TAGS[kind]}"


def _represent_text(representer: Any, text: str) -> Any:
    style = None if _may_be_plain(text) else '"'
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _may_be_plain(text: str) -> bool:
    """Whether ruamel.yaml can be trusted to choose: it writes `?x` in brackets without quotes."""
    if not text or text[0] == "?" or text[:2] in ODD_STARTS:
        return False
    return text.isprintable() and text.strip() == text


def _dumped(yaml: Any, document: Any, like: str = "") -> str:
    stream = io.StringIO()
    yaml.dump(document, stream)
    text = stream.getvalue()
    if "\r\n" in like:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return "\ufeff" + text if like.startswith("\ufeff") else text


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Plain data as a YAML document.

    Example:
        >>> print(dump_yaml({"name": "any", "steps": [{"event": "purchase"}]}), end="")
        name: any
        steps:
          - event: purchase
    """
    return _dumped(_round_trip(), _styled(data))


def _styled(value: Any, key: str = "") -> Any:
    """The data with small mappings and lists marked to be written in braces."""
    from ruamel.yaml.comments import CommentedMap, CommentedSeq  # slow to import

    if isinstance(value, dict):
        styled: Any = CommentedMap((name, _styled(item, name)) for name, item in value.items())
    elif isinstance(value, list):
        styled = CommentedSeq(_styled(item) for item in value)
    else:
        return value
    if key and key not in BLOCK_KEYS and len(json.dumps(value)) <= FLOW_WIDTH:
        styled.fa.set_flow_style()
    return styled


def merge_mapping(
    node: Any, before: Mapping[str, Any], after: Mapping[str, Any], *, deep: bool = True
) -> None:
    """Change a document's mapping from one state to another, leaving the rest as it stands."""
    for key in [key for key in before if key not in after and key in node]:
        del node[key]
    for key, value in after.items():
        if key in before and before[key] == value and _same_kind(before[key], value):
            continue
        if key not in node:
            _insert(node, key, value, after)
        elif not (deep and _merge_value(node[key], before.get(key), value)):
            node[key] = _styled(value, key)


def _same_kind(first: object, second: object) -> bool:
    """Whether two equal values are written alike: 1, 1.0 and true are equal in Python."""
    return json.dumps(first) == json.dumps(second)


def _insert(node: Any, key: str, value: object, after: Mapping[str, Any]) -> None:
    """Add a key behind the nearest of those that come before it in the canonical order."""
    order = STREAM_KEYS if set(after) <= set(STREAM_KEYS) else tuple(after)
    earlier = set(order[: order.index(key)])
    present = [position for position, name in enumerate(node) if name in earlier]
    if not present or present[-1] + 1 == len(node):
        node[key] = _styled(value, key)
    else:
        node.insert(present[-1] + 1, key, _styled(value, key))


def _merge_value(node: Any, before: object, after: object) -> bool:
    """Change a value inside a document; False where it has to be replaced as a whole."""
    if isinstance(node, dict) and isinstance(before, dict) and isinstance(after, dict):
        if not set(before) <= set(node):
            return False
        merge_mapping(node, before, after)
        return True
    if isinstance(node, list) and isinstance(before, list) and isinstance(after, list):
        if len(node) != len(before) or len(before) + len(after) > LONGEST_COMPARED:
            return False
        _merge_list(node, before, after)
        return True
    return False


def _merge_list(node: Any, before: list[Any], after: list[Any]) -> None:
    """Change a list: what stayed keeps its comments, wherever it has moved to."""
    matcher = SequenceMatcher(None, _texts(before), _texts(after), autojunk=False)
    for kind, low, high, new_low, new_high in reversed(matcher.get_opcodes()):
        if kind == "equal":
            continue
        paired = min(high - low, new_high - new_low)
        for offset in range(paired):
            if not _merge_value(node[low + offset], before[low + offset], after[new_low + offset]):
                node[low + offset] = _styled(after[new_low + offset])
        for position in range(high - 1, low + paired - 1, -1):
            del node[position]
        for offset in range(paired, new_high - new_low):
            node.insert(low + offset, _styled(after[new_low + offset]))


def _texts(items: Iterable[Any]) -> list[str]:
    return [json.dumps(item) for item in items]
