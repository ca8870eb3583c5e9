"""Values in SQL: times as microseconds, keys as text, numbers inside text.

Each function takes an SQL expression and its type and returns an SQL expression; the longer ones
are macros, so that a query reads well. Every one is total: a value that does not fit gives NULL,
never an error, because one bad row must not end a query over millions.
"""

from __future__ import annotations

from streamkit.events.types import INTEGERS, Kind, ValueType

__all__ = ["FIRST_TIME", "LAST_TIME", "MACROS", "cast_scalar", "key_text", "macros_used", "time_us"]

FIRST_TIME = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z in microseconds since the epoch."""
LAST_TIME = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z."""
INTEGER_TEXT = "-?(0|[1-9][0-9]*)"
NUMBER_TEXT = INTEGER_TEXT + r"(\.[0-9]+)?([eE][+-]?[0-9]+)?"
"""A number as JSON writes one (RFC 8259, section 6)."""
TIME_TEXT = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?"
)
"""A time as RFC 3339 writes one, with a space allowed for the T and the offset left out."""
TICKS = {"s": 1_000_000, "ms": 1_000, "us": 1}

LENIENT = r"(?i)(^|[:\[,])\s*-?(nan|inf)|,\s*[\]}]"
"""What DuckDB takes for JSON and RFC 8259 does not: NaN, infinities, a comma before the end."""
JSON_TEXT = r'"(\\.|[^"\\])*"'
LENIENT_MARKS = ("'nan'", "'inf'", "',]'", "',}'", r"e',\n'", r"e',\r'", r"e',\t'")
"""Of what is lenient, small letters and without spaces, each holds one of these. Looking for them
costs a tenth of the pattern."""

MACROS = {
    "has_lenient_mark(text)": " OR ".join(f"contains(text, {mark})" for mark in LENIENT_MARKS),
    "is_json(text)": (
        "CASE WHEN has_lenient_mark(replace(lower(text), ' ', ''))"
        f" AND regexp_matches(text, '{LENIENT}')"
        f" THEN NOT regexp_matches(regexp_replace(text, '{JSON_TEXT}', '\"\"', 'g'), '{LENIENT}')"
        " ELSE true END"
    ),
    "json_values(text, pointers)": (
        "CASE WHEN is_json(text) THEN TRY(json_extract(text, pointers)) END"
    ),
    "in_years(us)": f"CASE WHEN us BETWEEN {FIRST_TIME} AND {LAST_TIME} THEN us END",
    "floor_us(ns)": "(ns - (((ns % 1000) + 1000) % 1000)) // 1000",
    "offset_minutes(text)": (
        "CASE left(text, 1) WHEN '+' THEN 1 WHEN '-' THEN -1 ELSE 0 END"
        " * (coalesce(TRY_CAST(substr(text, 2, 2) AS BIGINT), 0) * 60"
        " + coalesce(TRY_CAST(substr(text, 5, 2) AS BIGINT), 0))"
    ),
    "text_us(text)": (
        f"CASE WHEN regexp_full_match(text, '{TIME_TEXT}') AND left(text, 4) <> '0000' THEN"
        " epoch_us(TRY_CAST(left(text, 10) || ' ' || substr(text, 12, 8) AS TIMESTAMP))"
        r" + CAST(rpad(left(regexp_extract(text, '\.([0-9]+)', 1), 6), 6, '0') AS BIGINT)"
        " - offset_minutes(regexp_extract(text, '[+-][0-9]{2}:[0-9]{2}$')) * 60000000 END"
    ),
    "us_text(us)": "strftime(make_timestamp(us), '%Y-%m-%dT%H:%M:%S.%fZ')",
    "json_string(value)": """CASE WHEN starts_with(value, '"') THEN value ->> '$' END""",
    "json_scalar(value)": "CASE WHEN left(value, 1) NOT IN ('[', '{', 'n') THEN value ->> '$' END",
    "json_digits(value)": "trim(value, '\"')",
    "text_double(text)": (
        f"CASE WHEN regexp_full_match(text, '{NUMBER_TEXT}') THEN TRY_CAST(text AS DOUBLE) END"
    ),
    "double_key(number)": (
        "CASE WHEN number = 0 THEN '0' WHEN isfinite(number) AND number = trunc(number)"
        " THEN format('{:.0f}', number) END"
    ),
    "decimal_key(text)": (
        "CASE WHEN contains(text, '.') THEN rtrim(rtrim(text, '0'), '.') ELSE text END"
    ),
    "number_key(text)": (
        f"CASE WHEN text <> '-0' AND regexp_full_match(text, '{INTEGER_TEXT}') THEN text"
        " ELSE double_key(TRY_CAST(text AS DOUBLE)) END"
    ),
    "json_key(value)": (
        "CASE json_type(value) WHEN 'VARCHAR' THEN value ->> '$' WHEN 'BOOLEAN' THEN value ->> '$'"
        " WHEN 'NULL' THEN NULL WHEN 'ARRAY' THEN NULL WHEN 'OBJECT' THEN NULL"
        " ELSE number_key(value ->> '$') END"
    ),
    "text_integer(text)": (
        f"CASE WHEN regexp_full_match(text, '{INTEGER_TEXT}') THEN TRY_CAST(text AS HUGEINT)"
        " WHEN text_double(text) = trunc(text_double(text)) THEN TRY_CAST(text_double(text) AS HUGEINT) END"
    ),
}
"""Functions that queries use, by signature; each may use those above it.

A `value` is JSON as it comes out of a document: written anew, so that its first character tells its
type, equal texts are written alike, and a number in a text is the number in quotes.
"""


def macros_used(sql: str) -> list[str]:
    """The statements that make the macros that an SQL text uses, in an order that works.

    Example:
        >>> macros_used("SELECT us_text(0)")[0][:35]
        'CREATE TEMP MACRO us_text(us) AS st'
    """
    used: dict[str, str] = {}
    for signature, body in reversed(MACROS.items()):
        name = signature.partition("(")[0]
        if f"{name}(" in sql or any(f"{name}(" in text for text in used.values()):
            used[signature] = body
    return [f"CREATE TEMP MACRO {each} AS {body};" for each, body in reversed(used.items())]


def time_us(sql: str, type_: ValueType, unit: str | None = None) -> str:
    """Microseconds since the epoch as BIGINT; NULL for what is not a time of years 1 to 9999.

    Args:
        sql: The value.
        type_: Its type; timestamps, dates, text, or integers with a unit.
        unit: Of integers: `s`, `ms`, `us` or `ns`. Nanoseconds are floored.
    """
    match type_.kind:
        case Kind.TIMESTAMP if type_.name == "TIMESTAMP_NS":
            return f"floor_us(epoch_ns({sql}))"
        case Kind.TIMESTAMP:
            return f"in_years(epoch_us({sql}))"
        case Kind.DATE:
            return f"in_years(epoch_us(TRY_CAST({sql} AS TIMESTAMP)))"
        case Kind.INTEGER if unit == "ns":
            return f"in_years(floor_us(TRY_CAST({sql} AS BIGINT)))"
        case Kind.INTEGER:
            ticks = TICKS[unit or "us"]
            first, last = FIRST_TIME // ticks, LAST_TIME // ticks
            return f"CASE WHEN {sql} BETWEEN {first} AND {last} THEN CAST({sql} AS BIGINT) * {ticks} END"
        case _:
            return f"in_years(text_us({sql}))"


def key_text(sql: str, type_: ValueType) -> str:
    """A value as the text that keys, ids and users are compared by; NULL where it has none.

    Integers are plain decimal, integral floats become integers and other floats NULL, booleans
    `true` and `false`, decimals lose trailing zeros, times are RFC 3339 in UTC.
    """
    match type_.kind:
        case Kind.TEXT if type_.name == "VARCHAR":
            return sql
        case Kind.TEXT | Kind.INTEGER | Kind.BOOLEAN:
            return f"CAST({sql} AS VARCHAR)"
        case Kind.DOUBLE:
            return f"double_key(CAST({sql} AS DOUBLE))"
        case Kind.DECIMAL:
            return f"decimal_key(CAST({sql} AS VARCHAR))"
        case Kind.TIMESTAMP | Kind.DATE:
            return f"us_text({time_us(sql, type_)})"
        case Kind.JSON:
            return f"json_key({sql})"
        case _:
            return "CAST(NULL AS VARCHAR)"


CASTS = {
    "text": ValueType(Kind.TEXT, "VARCHAR"),
    "integer": ValueType(Kind.INTEGER, "HUGEINT", bounds=INTEGERS["hugeint"]),
    "number": ValueType(Kind.DOUBLE, "DOUBLE"),
    "boolean": ValueType(Kind.BOOLEAN, "BOOLEAN"),
    "time": ValueType(Kind.TIMESTAMP, "TIMESTAMP"),
}


def cast_scalar(sql: str, type_: ValueType, cast: str) -> tuple[str, ValueType]:
    """A scalar cast to a declared type, NULL where it does not fit, and its new type.

    Text is read as JSON writes numbers and booleans and as RFC 3339 writes times. An integer
    stays one under `number`, so that large ones keep their digits.
    """
    target = CASTS[cast]
    if type_.kind is Kind.JSON:
        scalar = "json_string" if cast == "time" else "json_scalar"
        return cast_scalar(f"{scalar}({sql})", CASTS["text"], cast)
    if type_.kind is target.kind or (cast == "number" and type_.kind is Kind.INTEGER):
        return sql, type_
    match cast:
        case "text" if type_.kind is Kind.DOUBLE:
            number = f"CAST({sql} AS DOUBLE)"
            return f"coalesce(double_key({number}), CAST({number} AS VARCHAR))", target
        case "text":
            return key_text(sql, type_), target
        case "boolean" if type_.kind is Kind.TEXT:
            return f"CASE {sql} WHEN 'true' THEN true WHEN 'false' THEN false END", target
        case "number" | "integer" if type_.kind in (Kind.TEXT, Kind.DECIMAL, Kind.DOUBLE):
            text = sql if type_.kind is Kind.TEXT else f"CAST({sql} AS VARCHAR)"
            return f"text_{'double' if cast == 'number' else 'integer'}({text})", target
        case "time" if type_.kind in (Kind.TEXT, Kind.DATE):
            return f"make_timestamp({time_us(sql, type_)})", target
        case _:
            return f"CAST(NULL AS {target.name})", target
