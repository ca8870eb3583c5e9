"""What is behind a reference: looked up when it is needed, and never shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from streamkit.errors import DeliveryError
from streamkit.references.form import REFERENCE_HINT, is_reference, reference_problem

__all__ = ["resolve"]

LARGEST = 64 * 1024
"""Bytes of a secret's file."""


def resolve(reference: str) -> str:
    """The text behind a reference; line ends at its end are not part of it.

    Args:
        reference: `env:NAME`, `keyring:service/name` or `file:path` (`~` is the home folder).

    Raises:
        DeliveryError: Nothing is behind it, or it cannot be read; never says what is.

    Example:
        >>> resolve("env:NO_SUCH_VARIABLE")
        Traceback (most recent call last):
        streamkit.errors.DeliveryError: the environment variable NO_SUCH_VARIABLE is not set...
    """
    problem = (
        "this is no reference" if not is_reference(reference) else reference_problem(reference)
    )
    if problem is not None:
        raise DeliveryError(problem, code="reference-form", hint=REFERENCE_HINT)
    kind, _, name = reference.partition(":")
    value = READERS[kind](name).rstrip("\r\n")
    if not value:
        raise _unresolved(f"{reference} is empty", "put the secret there")
    if any("\ud800" <= mark <= "\udfff" for mark in value):  # no UTF-8 has them
        raise _unresolved(f"{reference} is not UTF-8 text")
    return value


def _from_environment(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        message = f"the environment variable {name} is not set"
        raise _unresolved(message, f"export {name}=… before the command")
    return value


def _from_file(name: str) -> str:
    try:
        with Path(name).expanduser().open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise _unresolved(
            f"file:{name} cannot be read: {reason}", "name a file that holds the secret alone"
        ) from None
    if len(data) > LARGEST:
        raise _unresolved(f"file:{name} is larger than {LARGEST // 1024} KiB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise _unresolved(f"file:{name} is not UTF-8 text") from None


def _from_keyring(name: str) -> str:
    service, _, user = name.rpartition("/")
    try:
        import keyring  # an extra, and slow to import
    except ImportError:
        message = "keyring: needs the package keyring"
        raise _unresolved(message, "pip install 'streamkit[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except Exception:  # noqa: BLE001 # every system's keyring fails in its own way
        raise _unresolved(f"keyring:{name}: the keyring of this system gives no answer") from None
    if value is None:
        hint = f"run: keyring set {service} {user}"
        raise _unresolved(f"keyring:{name}: no such entry", hint)
    return value


def _unresolved(message: str, hint: str | None = None) -> DeliveryError:
    return DeliveryError(message, code="unresolved-secret", hint=hint)


READERS: dict[str, Callable[[str], str]] = {
    "env": _from_environment,
    "file": _from_file,
    "keyring": _from_keyring,
}
