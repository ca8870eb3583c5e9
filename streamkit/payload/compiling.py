"""A mapping as one function of a match: every choice made once, nothing looked up by name later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamkit.definition.context_paths import parse_context_path
from streamkit.definition.payload_mapping import PayloadMapping
from streamkit.document.nodes import Place, place_text
from streamkit.errors import PayloadError
from streamkit.payload.calls import FUNCTIONS, limit_text
from streamkit.payload.casting import as_string
from streamkit.payload.reading import Facts, read_path
from streamkit.payload.state import Evaluate, State
from streamkit.payload.times import compile_format
from streamkit.payload.writing import Pieces, Secret

__all__ = ["SPECIAL_CALLS", "Compiler"]

CASTS = frozenset(["asStrings", "asNumbers", "asBools"])
GROWING = CASTS | {"asString", "lower", "upper", "trim", "replace", "split", "join", "urlEncode"}
"""Calls whose result may be as long as what they are given, or longer."""


class Compiler:
    """Compiles the mapping of one stream.

    Args:
        mapping: The payload.
        facts: What of the stream is known beforehand.
    """

    def __init__(self, mapping: PayloadMapping, facts: Facts) -> None:
        self.mapping = mapping
        self.facts = facts
        self.has_secrets = False
        self._is_strict = mapping.missing == "error"

    def body(self) -> Evaluate:
        """The whole body as a function."""
        return self._value(self.mapping.body, self.mapping.place)

    def _value(self, value: Any, place: Place) -> Evaluate:
        """A value of the body: missing is null or, with `missing: error`, an error."""
        evaluate = self.expression(value, place)
        if value is None or not self._is_strict:
            return evaluate

        def checked(state: State) -> Any:
            found = evaluate(state)
            if found is None:
                raise _missing(place)
            return found

        return checked

    def expression(self, value: Any, place: Place) -> Evaluate:
        """A part of the mapping as a function; None is what is missing."""
        if isinstance(value, Mapping):
            return self._object(value, place)
        if not isinstance(value, list | tuple):
            return lambda _: value
        if value and isinstance(value[0], str):
            return self._call(value[0], value[1:], place)
        return self.array(value, place, 0)

    def _object(self, entries: Mapping[str, Any], place: Place) -> Evaluate:
        pairs = [(key, self._value(item, (*place, key))) for key, item in entries.items()]
        if self.mapping.missing != "omit":
            return lambda state: {key: evaluate(state) for key, evaluate in pairs}
        kept = {key for key, item in entries.items() if item is None}

        def without_missing(state: State) -> dict[str, Any]:
            found = {}
            for key, evaluate in pairs:
                value = evaluate(state)
                if value is not None or key in kept:
                    found[key] = value
            return found

        return without_missing

    def array(self, items: Sequence[Any], place: Place, first: int) -> Evaluate:
        """An array; what is missing is null in it, because places count."""
        evaluates = [self._value(each, (*place, n)) for n, each in enumerate(items, first)]
        return lambda state: [evaluate(state) for evaluate in evaluates]

    def _call(self, name: str, arguments: Sequence[Any], place: Place) -> Evaluate:
        special = SPECIAL_CALLS.get(name)
        if special is not None:
            return special(self, arguments, place)
        function = FUNCTIONS[name]
        evaluates = self.arguments(arguments, place)
        if len(evaluates) == 1:
            only = evaluates[0]

            def one(state: State) -> Any:
                return function(only(state))

            call: Evaluate = one
        elif len(evaluates) == 2:
            left, right = evaluates
            call = lambda state: function(left(state), right(state))  # noqa: E731 # as the others
        else:
            call = lambda state: function(*[each(state) for each in evaluates])  # noqa: E731 # same
        return self._counted(name, call, place) if name in GROWING else call

    def _counted(self, name: str, call: Evaluate, place: Place) -> Evaluate:
        """A call whose result counts as work where it may be large."""
        refuses = self._is_strict and name in CASTS

        def counted(state: State) -> Any:
            found = call(state)
            kind = type(found)
            if kind is str or kind is list:
                state.spend(len(found))
                if refuses and kind is list and None in found:
                    raise _missing(place)
            return found

        return counted

    def arguments(self, arguments: Sequence[Any], place: Place) -> list[Evaluate]:
        """The arguments of a call."""
        return [self.expression(each, (*place, n)) for n, each in enumerate(arguments, 1)]


def _missing(place: Place) -> PayloadError:
    return PayloadError(
        "the value is missing, and 'missing: error' lets no body be made without it",
        code="missing-value",
        path=place_text(place),
        hint="give it a default, or choose 'missing: as_null' or 'omit'",
    )


def _var(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    path = parse_context_path(arguments[0], compiler.facts.steps)
    read = read_path(path, compiler.facts)
    if len(arguments) == 1 or arguments[1] is None:
        return read
    default = compiler.expression(arguments[1], (*place, 2))

    def with_default(state: State) -> Any:
        found = read(state)
        return default(state) if found is None else found

    return with_default


def _list(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    return compiler.array(arguments, place, 1)


def _literal(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:  # noqa: ARG001 # a call among others
    value = plain_copy(arguments[0])
    return lambda _: value


def plain_copy(value: Any) -> Any:
    """Plain data as the writer knows it: dicts and lists."""
    if isinstance(value, Mapping):
        return {key: plain_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_copy(item) for item in value]
    return value


def _concat(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    evaluates = compiler.arguments(arguments, place)

    def text(state: State) -> str:
        parts = []
        for evaluate in evaluates:
            value = evaluate(state)
            if type(value) is str:
                parts.append(value)
            elif value is not None:
                parts.append(as_string(value) or "")
        joined = "".join(parts)
        state.work -= len(joined)
        return joined

    def pieces(state: State) -> Pieces:
        parts: list[str | Secret] = []
        for evaluate in evaluates:
            value = evaluate(state)
            if type(value) is Pieces:
                parts += value.parts
            else:
                parts.append(as_string(value) or "")
        state.spend(sum(len(part) for part in parts if type(part) is str))
        return Pieces(tuple(parts))

    return pieces if _holds_secret(arguments) else text


def _holds_secret(arguments: Sequence[Any]) -> bool:
    """Whether a secret is among the items of a concat, or of a concat in it."""
    return any(
        isinstance(each, list | tuple)
        and each
        and (each[0] == "secret" or (each[0] == "concat" and _holds_secret(each[1:])))
        for each in arguments
    )


def _secret(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:  # noqa: ARG001 # a call among others
    compiler.has_secrets = True
    pieces = Pieces((Secret(arguments[0]),))
    return lambda _: pieces


def _coalesce(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    evaluates = compiler.arguments(arguments, place)

    def first(state: State) -> Any:
        for evaluate in evaluates:
            value = evaluate(state)
            if value is not None:
                return value
        return None

    return first


def _if(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    condition, then, *otherwise = compiler.arguments(arguments, place)
    if not otherwise:
        return lambda state: then(state) if condition(state) is True else None
    other = otherwise[0]
    return lambda state: then(state) if condition(state) is True else other(state)


def _and(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    evaluates = compiler.arguments(arguments, place)
    return lambda state: all(evaluate(state) is True for evaluate in evaluates)


def _or(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    evaluates = compiler.arguments(arguments, place)
    return lambda state: any(evaluate(state) is True for evaluate in evaluates)


def _format_time(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    time = compiler.expression(arguments[0], (*place, 1))
    write = compile_format(*arguments[1:])
    return lambda state: write(time(state))


def _param(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    assert compiler.mapping.given is not None
    name = arguments[0]
    return compiler.expression(compiler.mapping.given[name], (*place[:1], "with", name))


def _limit(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    text, most = compiler.expression(arguments[0], (*place, 1)), arguments[1]
    return lambda state: limit_text(text(state), most)


def _need(compiler: Compiler, arguments: Sequence[Any], place: Place) -> Evaluate:
    needed = compiler.expression(arguments[0], (*place, 1))
    name = place[2] if place[1:2] == ("with",) else arguments[0][1]  # of a default, or `param`

    def present(state: State) -> Any:
        found = needed(state)
        if found is None:
            raise PayloadError(
                f"{name!r} is missing, and the receiver takes no body without it",
                code="missing-value",
                path=place_text(("payload", "with", str(name))),
                hint="give it a mapping with a default",
            )
        return found

    return present


SPECIAL_CALLS: Mapping[str, Callable[[Compiler, Sequence[Any], Place], Evaluate]] = {
    "var": _var,
    "list": _list,
    "literal": _literal,
    "concat": _concat,
    "secret": _secret,
    "coalesce": _coalesce,
    "if": _if,
    "and": _and,
    "or": _or,
    "formatTime": _format_time,
    "param": _param,
    "limit": _limit,
    "need": _need,
}
"""Calls that look at the mapping itself, those of templates included."""
