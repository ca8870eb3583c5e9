"""Every call of the mapping language, with the values at its edges."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from streamkit.definition.payload_calls import CALLS
from streamkit.definition.payload_templates import TEMPLATE_CALLS
from streamkit.definition.time_formats import DIRECTIVES
from streamkit.matching.contexts import Context
from streamkit.payload.calls import FUNCTIONS
from streamkit.payload.compiling import SPECIAL_CALLS
from streamkit.payload.times import PARTS

from .examples import evaluate

NOTHING = ["var", "event.0.nothing"]
PRICE = ["var", "event.0.price"]
CASES: list[tuple[Any, Any]] = [
    # var, literal, list
    (PRICE, 19.9), (NOTHING, None), (["var", "event.0.nothing", ["list", 1]], [1]), (["var", "event.last.price"], 5),
    (["var", "key"], ["s1", "sku-7"]), (["var", "key.1"], "sku-7"),
    (["var", "match.id"], "f7bf16a70cc638e8e44f208096b17326"),
    (["var", "match.started_at"], "2026-03-01T10:00:00.000000Z"),
    (["var", "match.matched_at"], "2026-03-01T10:05:00.250000Z"),
    (["var", "match.fired_at"], "2026-03-01T10:35:00.000000Z"), (["var", "match.duration"], 300.25),
    (["var", "stream.name"], "left with a full basket"),
    (["var", "user.id"], "u1"), (["var", "session.id"], "s1"), (["var", "user.email"], "ada@example.com"),
    (["var", "session.plan"], "pro"), (["var", "session.event_count"], 7), (["var", "session.duration"], 90.5),
    (["var", "session.started_at"], "2026-03-01T10:00:00.000000Z"), (["var", "session.last.url"], "/end"),
    (["list"], []), (["list", "var", NOTHING], ["var", None]), ([], []), ([1, ["list", "a"]], [1, ["a"]]),
    ([["var", "key.0"], "x"], ["s1", "x"]), (["literal", ["vra", {"a": ["b"]}]], ["vra", {"a": ["b"]}]),
    # concat
    (["concat"], ""), (["concat", 1.0, True, NOTHING, "é", ["list", 1, "b"]], "1trueé1, b"), (["concat", {"a": 1}], ""),
    # times
    (["toUnixTimestamp", "1969-12-31T23:59:59.5Z"], -1), (["toUnixTimestamp", "2026-03-01T01:00:00+01:00"], 1772323200),
    (["toUnixTimestamp", "2026-03-01"], 1772323200), (["toUnixTimestamp", 12], None), (["toUnixTimestamp", "2026-02-30"], None),
    (["formatTime", "2026-03-01T23:59:59.000001Z", "%y-%j %I%p.%f %%", "Asia/Tokyo"], "26-061 08AM.000001 %"),
    (["formatTime", NOTHING, "%Y"], None), (["formatTime", "9999-12-31T23:59:59Z", "%Y", "Asia/Tokyo"], None),
    (["formatTime", "0001-01-01", "%Y %a %b"], "0001 Mon Jan"),
    # casts
    (["asString", 1.0], "1"), (["asString", 3.14], "3.14"), (["asString", True], "true"), (["asString", ["list", "a", "b"]], "a, b"),
    (["asString", 1e300], "1e+300"), (["asString", -0.0], "0"), (["asString", {"a": 1}], None), (["asString", NOTHING], None),
    (["asString", 9007199254740993], "9007199254740993"),
    (["asNumber", "42"], 42), (["asNumber", "-1.5e2"], -150.0), (["asNumber", True], 1), (["asNumber", "0x1"], None),
    (["asNumber", "1e999"], None), (["asNumber", "18446744073709551615"], 18446744073709551615), (["asNumber", ["list"]], None),
    *[(["asBool", each], True) for each in ("true", "TRUE", "t", "T", "1", True, 1, 1.0)],
    *[(["asBool", each], False) for each in ("false", "False", "f", "0", "", False, 0, 0.0)],
    (["asBool", "yes"], None), (["asBool", 2], None), (["asBool", NOTHING], None),
    (["asStrings", "a"], ["a"]), (["asStrings", ["list", 1, {}]], ["1", None]), (["asStrings", NOTHING], None),
    (["asNumbers", ["list", "1", True, "x"]], [1, 1, None]), (["asBools", ["list", "T", 0, 7]], [True, False, None]),
    # choices
    (["coalesce", NOTHING, None, False, 1], False), (["coalesce", NOTHING], None),
    (["if", True, 1, 2], 1), (["if", 1, 1, 2], 2), (["if", NOTHING, 1], None), (["if", "true", 1, 2], 2),
    (["eq", 1, 1.0], True), (["eq", 1, True], False), (["eq", "1", 1], False), (["eq", NOTHING, NOTHING], False),
    (["eq", ["list", 1, {"a": 2}], ["list", 1.0, {"a": 2}]], True), (["eq", ["list", 1], ["list", True]], False),
    (["eq", 9007199254740993, 9007199254740992.0], False),
    (["gt", 2, 1], True), (["gt", "10", 9], True), (["gt", "b", "a"], True), (["gt", "10", "9"], False), (["gt", True, 0], False),
    (["lt", NOTHING, 1], False), (["lt", 1, 2.5], True), (["lt", ["list"], 1], False),
    (["and", True, ["eq", 1, 1]], True), (["and", True, 1], False), (["or", 1, "x"], False), (["or", False, True], True),
    (["not", False], True), (["not", True], False), (["not", NOTHING], True), (["not", 0], True),
    # text
    (["lower", "ÀÉ"], "àé"), (["upper", "straße"], "STRASSE"), (["trim", " \t a \n"], "a"), (["lower", 1.0], "1"),
    (["upper", NOTHING], None), (["lower", {}], None),
    (["replace", "aaa", "aa", "b"], "ba"), (["replace", "abc", "", "x"], "abc"), (["replace", "a.c", ".", ""], "ac"),
    (["replace", "abc", NOTHING, "x"], None),
    (["split", "a,,b", ","], ["a", "", "b"]), (["split", "", ","], [""]), (["split", "ab", ""], None),
    (["join", ["list", 1, NOTHING, "b"], "-"], "1-b"), (["join", "ab", "-"], None), (["join", ["list"], "-"], ""),
    (["length", "é😀"], 2), (["length", ["list", 1, 2]], 2), (["length", {"a": 1}], 1), (["length", 5], None),
    (["get", ["var", "event.0.address"], "city"], "Zürich"), (["get", ["list", 1, 2], 1], 2), (["get", ["list", 1], -1], None),
    (["get", ["list", 1], True], None), (["get", {"a": 1}, "b", "none"], "none"), (["get", NOTHING, "a", "none"], "none"),
    # numbers
    (["add", 1, 2, 3], 6), (["add", "1", 2.5], 3.5), (["add", 1, True], None), (["add", 1, NOTHING], None), (["add", 1, "x"], None),
    (["sub", 9007199254740993, 1], 9007199254740992), (["mul", 2, 3, 4], 24), (["mul", 1e200, 1e200], None),
    (["mul", 18446744073709551615, 18446744073709551615], 3.402823669209385e38),
    (["div", 6, 3], 2), (["div", 1, 4], 0.25), (["div", 1, 0], None), (["div", 1, 0.0], None), (["div", "x", 1], None),
    (["round", 2.5], 3), (["round", -2.5], -3), (["round", 1.005, 2], 1.01), (["round", 7], 7), (["round", 1e22], 1e22),
    (["round", 1.25, 16], None), (["round", 1.25, "1"], None), (["round", NOTHING], None),
    # writing
    (["sha256", ""], hashlib.sha256(b"").hexdigest()), (["sha256", 42], hashlib.sha256(b"42").hexdigest()), (["sha256", NOTHING], None),
    (["urlEncode", "a b&c=d/é~-._"], "a%20b%26c%3Dd%2F%C3%A9~-._"), (["urlEncode", 1.5], "1.5"),
    (["secret", "env:A"], "<secret env:A>"), (["concat", "Bearer ", ["secret", "env:A"], 1], "Bearer <secret env:A>1"),
]  # fmt: skip # a table reads better in rows


def test_every_call_is_there() -> None:
    """The functions are those of the table that definitions are checked against."""
    assert set(FUNCTIONS) | set(SPECIAL_CALLS) == {*CALLS, *TEMPLATE_CALLS}
    assert not set(FUNCTIONS) & set(SPECIAL_CALLS)
    assert set(PARTS) == set(DIRECTIVES)


@pytest.mark.parametrize("call", CALLS.values(), ids=lambda call: call.name)
def test_the_example_of_each_call(call: Any) -> None:
    """The docs' table shows what really comes out."""
    found = evaluate(call.example)
    assert found == call.result
    assert type(found) is type(call.result)


@pytest.mark.parametrize(("mapping", "expected"), CASES, ids=[str(case[0])[:60] for case in CASES])
def test_calls(mapping: Any, expected: Any) -> None:
    """Each mapping gives exactly the value beside it, of exactly its kind."""
    found = evaluate(mapping)
    assert found == expected
    assert type(found) is type(expected)


def test_every_call_has_cases() -> None:
    """No call is shown by its example alone."""
    assert {name for name in CALLS if any(_uses(case, name) for case, _ in CASES)} == set(CALLS)


def _uses(mapping: Any, name: str) -> bool:
    if isinstance(mapping, list):
        return mapping[:1] == [name] or any(_uses(each, name) for each in mapping)
    return False


def test_a_session_that_is_not_known() -> None:
    """Its facts are missing, not wrong."""
    without = Context(({}, {}))
    for path in ("event_count", "started_at", "duration", "last.url"):
        assert evaluate(["var", f"session.{path}"], without) is None
