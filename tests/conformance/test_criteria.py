"""Random criteria on random values, in typed columns and in JSON, against the plain reading."""

from __future__ import annotations

import struct
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conformance.cases import START, TYPES, Case
from tests.conformance.engines import Engine, python_rows
from tests.reference.criteria import meets_where
from tests.reference.values import read_json, resolve

ROWS = 30
CRITERIA = 30

# Values: a few that are known to be awkward, and any others.

LONGEST = 2**63 - 1
WHOLE = (0, 1, -1, 2, 10, 2**53, 2**53 + 1, 2**53 - 1, LONGEST, -(2**63), 2**31)
UNSIGNED = (2**63, 2**63 + 1, 2**64 - 1, 2**64 - 2)
FRACTIONS = (
    0.0,
    -0.0,
    0.1,
    1.0,
    1.5,
    -1.0,
    10.0,
    2.0**53,
    2.0**53 + 2,
    2.0**63,
    -(2.0**63),
    2.0**64,
    5e-324,
    1.7976931348623157e308,
    0.10000000149011612,
)
SPECIAL = (float("nan"), float("inf"), float("-inf"))
TEXTS = (
    "",
    "a",
    "A",
    "b",
    "ab",
    "aB",
    "ba",
    "abc",
    "a\0",
    "\0",
    "a\nb",
    "a\n",
    " a",
    "é",
    "e\u0301",
    "É",
    "ß",
    "ẞ",
    "ss",
    "s",
    "\u017f",
    "k",
    "\u212a",
    "i",
    "I",
    "İ",
    "\u0131",
    "\u03c3",
    "ς",
    "😀",
    "\ufffd",
    "\ue000",
    "%",
    "_",
    "\\",
    '"',
    "'",
    "a.b",
    "null",
    "true",
    "[1]",
    "1",
    "1.0",
    "1e0",
    "01",
    "-0",
    "1.",
    ".1",
    "+1",
    " 1",
    "0.1",
    "1e400",
    "-1e400",
    "9007199254740993",
    "9007199254740992.0",
    "18446744073709551615",
    "18446744073709551616",
    "nan",
    "Infinity",
    "2026-01-01T00:00:00Z",
    "2026-01-01 00:00:00",
    "2026-01-01T01:00:00.0000005+01:00",
    "2026-01-01",
    "2026-01-01T24:00:00Z",
    "infinity",
)
TIMES = (
    START,
    START + timedelta(microseconds=1),
    START - timedelta(microseconds=1),
    datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
)
PATTERNS = (
    "a",
    "^a",
    "a$",
    "^$",
    "",
    "a.b",
    "(?s)a.b",
    "(?i)A",
    "[^a]",
    r"\d+",
    r"\pL",
    r"\bb",
    r"^\s",
    "a|é",
    "(ab)+c?",
    r"\x00",
    "k",
    "ß",
    "[s-t]",
    r"\\",
    "^.$",
    "^ab",
    "ab$",
    "^a.*b$",
    "a.*",
    "^(?:)",
    "(?:a)",
    r"^a\.b",
)

any_text = st.one_of(
    st.sampled_from(TEXTS),
    st.text(st.sampled_from("aAbBs\u017fkK1.é\0"), max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)
any_time = st.one_of(
    st.sampled_from(TIMES),
    st.integers(-3, 3).map(lambda number: START + timedelta(microseconds=number)),
)
any_fraction = st.one_of(
    st.sampled_from(FRACTIONS), st.floats(allow_nan=False, allow_infinity=False)
)


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    inside = [number for number in (*WHOLE, *UNSIGNED) if low <= number <= high]
    return st.one_of(st.sampled_from(inside), st.integers(low, high), st.integers(max(low, -3), 3))


def decimals(digits: int, scale: int) -> st.SearchStrategy[Decimal]:
    limit = 10**digits - 1
    unscaled = st.one_of(
        st.integers(-limit, limit),
        st.sampled_from([0, 1, -1, 10**scale, 10 ** (scale - 1), 15 * 10 ** (scale - 1)]),
    )
    return unscaled.map(lambda number: Decimal(f"{number}E-{scale}"))


def single(number: float) -> float:
    return struct.unpack("f", struct.pack("f", number))[0]


small_fraction = st.one_of(
    st.sampled_from([0.0, -0.0, 0.1, 1.0, 1.5, 2.0**53, *SPECIAL]), st.floats(width=32)
).map(single)
all_fractions = st.one_of(any_fraction, st.sampled_from(SPECIAL))
nanoseconds = st.integers(-3000, 3000).map(lambda number: 1767225600 * 10**9 + number)
days = st.sampled_from([date(2026, 1, 1), date(2025, 12, 31), date(1, 1, 1), date(9999, 12, 31)])

COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int8": (TYPES["int8"], whole(-128, 127)),
    "int64": (TYPES["int64"], whole(-(2**63), LONGEST)),
    "uint64": (TYPES["uint64"], whole(0, 2**64 - 1)),
    "float64": (TYPES["float64"], all_fractions),
    "float32": (TYPES["float32"], small_fraction),
    "decimal": (TYPES["decimal"], decimals(18, 4)),
    "decimal38": (TYPES["decimal38"], decimals(38, 10)),
    "text": (TYPES["text"], any_text),
    "bool": (TYPES["bool"], st.booleans()),
    "date": (TYPES["date"], days),
    "timestamp_us": (TYPES["timestamp_us"], any_time.map(lambda when: when.replace(tzinfo=None))),
    "timestamp_ns": (TYPES["timestamp_ns"], nanoseconds),
    "timestamp_utc": (TYPES["timestamp_utc"], any_time),
    "list_int": (TYPES["list_int"], st.lists(st.none() | whole(-3, 3), max_size=3)),
    "list_text": (TYPES["list_text"], st.lists(st.none() | any_text, max_size=3)),
    "list_float": (TYPES["list_float"], st.lists(st.none() | all_fractions, max_size=3)),
    "list_bool": (TYPES["list_bool"], st.lists(st.none() | st.booleans(), max_size=3)),
    "list_list": (TYPES["list_list"], st.lists(st.lists(whole(-3, 3), max_size=2), max_size=2)),
    "map_int": (
        TYPES["map_int"],
        st.dictionaries(st.sampled_from(["p", "q"]), st.none() | whole(-3, 3)).map(
            lambda found: list(found.items())
        ),
    ),
    "struct": (
        pa.struct({"p": pa.string(), "q": pa.list_(pa.struct({"r": pa.float64()}))}),
        st.fixed_dictionaries(
            {
                "p": st.none() | any_text,
                "q": st.none()
                | st.lists(
                    st.none() | st.fixed_dictionaries({"r": st.none() | all_fractions}), max_size=2
                ),
            }
        ),
    ),
}
PATHS = [
    *(name for name in COLUMNS if name not in ("struct", "map_int")),
    *("list_int.0", "list_text.1", "map_int.p", "map_int.q", "map_int"),
    *("struct.p", "struct.q.r", "struct.q.0.r", "struct"),
]
JSON_PATHS = ["doc.p", "doc.q", "doc.p.p", "doc.p.0", "doc.p.q.p", 'doc."p.q"', "doc"]

# JSON source

SCALARS = (
    *("null", "true", "false", "0", "-0", "1", "1.0", "-1", "1e2", "1E0", "10e-1", "0.1", "1e-400"),
    *("1e400", "-1e400", "9007199254740993", "9007199254740993.0", "18446744073709551615"),
    *(
        "18446744073709551616",
        "-9223372036854775808",
        "-9223372036854775809",
        "123456789012345678901",
    ),
    *(
        '""',
        '"a"',
        '"\\u0061"',
        '"A"',
        '"1"',
        '"1.0"',
        '"\\u0000"',
        '"a\\u0000"',
        '"\\ud83d\\ude00"',
    ),
    *('"nan"', '"finance, ]"', '"a: -inf,\\n}"', '"\\": nan"', "[1,\n 2]"),
    *('"2026-01-01T00:00:00Z"', '"\\\\"', '"\\/"', '"\u017f"', '"true"', '"\\n"'),
)
BROKEN = (
    *(
        "",
        " ",
        "{",
        '{"p": }',
        '{"p": 1,}',
        "{p: 1}",
        "'a'",
        "NaN",
        '{"p": NaN}',
        '{"p": Infinity}',
        '{"p": -iNF}',
        '{"p": [nAn]}',
    ),
    *('{"p": 1, }', '{"p": 1 ,\n}', '{"p": [1,\r\n ]}', "[1,\t]", '{"p": "a,}", "q": 1,  }'),
    *(
        '{"p": 01}',
        '{"p": +1}',
        '{"p": 1.}',
        '{"p": .1}',
        '{"p": 1} x',
        '{"p": "\\x"}',
        '{"p": tru}',
    ),
    *(
        '{"p": 1, "q": "\\ud800"}',
        '{"p": "\\ud83d\\u0041"}',
        '{"\\udc00": 1, "p": 1}',
        "[1",
        "[1,]",
    ),
    *(
        '{"p": "\t"}',
        '{"p": 1 /* c */}',
        '{"p": 1, "p": "\\udead"}',
        "\ufeff1",
        "nul",
        '"a',
        "-",
        "1e",
    ),
)
scalars = st.one_of(
    st.sampled_from(SCALARS),
    st.integers(-(2**65), 2**65).map(str),
    any_fraction.map(repr),
    any_text.map(
        lambda text: '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 0xFFFF else c for c in text) + '"'
    ),
)
keys = st.sampled_from(['"p"', '"p"', '"q"', '"\\u0070"', '"p.q"', '"P"', '"0"', '""'])


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    lists = st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
    objects = st.lists(st.tuples(keys, inner), max_size=3).map(
        lambda pairs: "{" + ",".join(f"{key}: {value}" for key, value in pairs) + "}"
    )
    return st.one_of(lists, objects)


values = st.recursive(scalars, containers, max_leaves=4)
documents = st.one_of(
    scalars.map(lambda value: '{"p": ' + value + "}"),
    values.map(lambda value: '{"p": ' + value + "}"),
    st.lists(st.tuples(keys, values), min_size=1, max_size=3).map(
        lambda pairs: "{" + ", ".join(f"{key}:{value}" for key, value in pairs) + "}"
    ),
    values,
    st.sampled_from(BROKEN),
)

# Criteria

numbers = st.one_of(
    st.sampled_from([0, 1, 2, 10, 0.1, 1.5, 0.0]),
    whole(-(2**63), 2**64 - 1),
    any_fraction,
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(single),
)
times = any_time.map(lambda when: {"time": when.isoformat().replace("+00:00", "Z")})
OPERANDS = {"number": numbers, "text": any_text, "time": times, "boolean": st.booleans()}
ANY_KIND = tuple(OPERANDS)


@st.composite
def criteria(draw: st.DrawFn, kinds: tuple[str, ...]) -> dict[str, Any]:
    """One operator on an operand of one of the kinds, now and then of any kind."""
    stray = draw(st.integers(0, 5)) == 5
    kind = draw(st.sampled_from(ANY_KIND if stray else kinds))
    some = OPERANDS[kind]
    shape = draw(st.integers(0, 9))
    if shape == 0:
        return {"exists": draw(st.booleans())}
    if shape == 1 or kind == "boolean":
        return {draw(st.sampled_from(["eq", "ne"])): draw(some)}
    if shape <= 3:
        among = st.lists(some | st.one_of(*OPERANDS.values()), min_size=1, max_size=5)
        return {draw(st.sampled_from(["in", "not_in"])): draw(among)}
    if kind == "text" and shape <= 7:
        return draw(text_criteria())
    if shape == 9:
        order = (lambda one: one["time"]) if kind == "time" else None
        bounds = st.lists(some, min_size=2, max_size=2)
        return {"between": sorted(draw(bounds), key=order)}
    return {draw(st.sampled_from(["gt", "gte", "lt", "lte"])): draw(some)}


@st.composite
def text_criteria(draw: st.DrawFn) -> dict[str, Any]:
    negated = draw(st.sampled_from(["", "not_"]))
    operator = draw(
        st.sampled_from(["contains", "starts_with", "ends_with", "matches", "eq", "in"])
    )
    found: dict[str, Any]
    if operator == "matches":
        found = {f"{negated}matches": draw(st.sampled_from(PATTERNS))}
    elif operator == "in":
        found = {f"{negated}in": draw(st.lists(any_text, min_size=1, max_size=4))}
    elif operator == "eq":
        found = {"ne" if negated else "eq": draw(any_text)}
    else:
        found = {negated + operator: draw(any_text)}
    return {**found, "ignore_case": True} if draw(st.booleans()) else found


def kinds_of(path: str) -> tuple[str, ...]:
    """Kinds of operands that may meet what is at a path."""
    column = path.split(".", maxsplit=1)[0].removeprefix("list_")
    if column in ("text", "doc", "struct"):
        return ("text", "text", "number", "time") if path != "struct.q.r" else ("number",)
    if column == "bool":
        return ("boolean",)
    return ("time",) if column.startswith(("date", "timestamp")) else ("number",)


def case_of(columns: dict[str, pa.Array], wheres: list[dict[str, Any]], source: str) -> Case:
    """Each criterion as a stream of one event that fires on every row, each row in its session."""
    table = pa.table(
        {
            "event_time": pa.array([START] * ROWS, pa.timestamp("us", "UTC")),
            "event_name": pa.array(["A"] * ROWS),
            "session_id": pa.array([str(number) for number in range(ROWS)]),
            **columns,
        }
    )
    schema: dict[str, Any] = {
        "time": "event_time",
        "name": "event_name",
        "session": "session_id",
    }
    if "doc" in columns:
        schema["json"] = ["doc"]
    streams = [
        {"name": f"c{number}", "steps": [{"event": "A", "where": where}]}
        for number, where in enumerate(wheres)
    ]
    return Case("criteria", streams, schema, table, source=source)


@st.composite
def typed_cases(draw: st.DrawFn) -> Case:
    names = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5, unique=True))
    columns = {}
    for name in names:
        kind, some = COLUMNS[name]
        cells = draw(st.lists(some, min_size=8, max_size=15))
        columns[name] = pa.array([*cells, *([None] * ROWS), *cells][:ROWS], kind)
    paths = [path for path in PATHS if path.split(".")[0] in names]
    wheres = draw(wheres_over(paths))
    return case_of(columns, wheres, draw(st.sampled_from(["arrow", "polars", "file"])))


@st.composite
def json_cases(draw: st.DrawFn) -> Case:
    cells = draw(st.lists(st.none() | documents, min_size=ROWS - 5, max_size=ROWS))
    columns = {"doc": pa.array([*cells, *([None] * ROWS)][:ROWS], pa.string())}
    wheres = draw(wheres_over(["doc.p", "doc.p", "doc.p", *JSON_PATHS]))
    return case_of(columns, wheres, draw(st.sampled_from(["arrow", "polars", "file"])))


@st.composite
def wheres_over(draw: st.DrawFn, paths: list[str]) -> list[dict[str, Any]]:
    found = []
    for _ in range(CRITERIA):
        path = draw(st.sampled_from(paths))
        found.append({path: draw(criteria(kinds_of(path)))})
    return found


def expected_rows(case: Case) -> dict[str, set[str]]:
    """By stream, the sessions of the rows that meet its criterion."""
    rows = python_rows(case.table)
    for row in rows:
        row |= {column: read_json(row[column]) for column in case.schema.get("json", [])}
    return {
        stream["name"]: {
            row["session_id"]
            for row in rows
            if meets_where(stream["steps"][0]["where"], lambda path, row=row: resolve(path, row))
        }
        for stream in case.streams
    }


EXAMPLES = (
    pytest.param(100, id="always", marks=pytest.mark.slow),
    pytest.param(3000, id="soak", marks=[pytest.mark.soak, pytest.mark.slow]),
)


@pytest.mark.parametrize("examples", EXAMPLES)
@pytest.mark.parametrize(
    "cases", [pytest.param(typed_cases(), id="typed"), pytest.param(json_cases(), id="json")]
)
def test_an_engine_reads_the_table_of_criteria(
    rival: Engine, cases: st.SearchStrategy[Case], examples: int
) -> None:
    """Every criterion holds on exactly the rows on which the plain reading says it does."""
    tally: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        phases=set(Phase) - {Phase.explain},
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(cases)
    def agree(case: Case) -> None:
        expected = expected_rows(case)
        count(tally, expected)
        found: dict[str, set[str]] = {name: set() for name in expected}
        for match in rival.run(case).matches:
            found[match.stream].add(*match.key)
        documents = dict(enumerate(python_rows(case.table)))
        for stream in case.streams:
            name = stream["name"]
            wrong = sorted(found[name] ^ expected[name], key=int)
            where = stream["steps"][0]["where"]
            assert not wrong, "\n".join(
                f"{where}: {number in found[name]} on {documents[int(number)]}" for number in wrong
            )

    agree()
    check(tally)


def count(tally: Counter[str], expected: dict[str, set[str]]) -> None:
    for sessions in expected.values():
        tally["criteria"] += 1
        tally["some"] += 0 < len(sessions) < ROWS
        tally["rows"] += len(sessions)


def check(tally: Counter[str]) -> None:
    """Enough criteria hold on some rows and not on others."""
    assert tally["criteria"] >= 1000, tally
    assert tally["some"] > 0.2 * tally["criteria"], tally
