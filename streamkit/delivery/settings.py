"""streamkit.yaml: what holds for all streams of a folder: the budget, and where notices go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Self

from streamkit.delivery.quota import Budget
from streamkit.document.files import read_document
from streamkit.errors import DeliveryError, Problem
from streamkit.suggest import did_you_mean

__all__ = ["SETTINGS_FILE", "Settings"]

SETTINGS_FILE = "streamkit.yaml"
KEYS = ("budget", "at_budget", "notices")
AT_BUDGET = ("stop", "continue")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all streams.

    Args:
        budget: The activations of a calendar month and what happens when they are used up.
        notices: A destination for notices, as a stream has it; None leaves them to the log.
        file: Where they were read; None where they were not.

    Example:
        >>> Settings.from_dict({"budget": 500, "at_budget": "continue"}).budget
        Budget(activations=500.0, at_limit='continue')
    """

    budget: Budget = field(default_factory=Budget)
    notices: Mapping[str, Any] | None = None
    file: str | None = field(default=None, compare=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], file: str | None = None) -> Self:
        """Read settings from plain data.

        Args:
            data: The keys of streamkit.yaml: `budget`, `at_budget` (`stop` or `continue`) and
                `notices` (a destination).
            file: Where they were read.

        Raises:
            DeliveryError: Something is not valid; all problems.
        """
        problems = [
            Problem("unknown-key", f"unknown key {key!r}", str(key), file, hint=did_you_mean(str(key), KEYS))
            for key in data
            if key not in KEYS
        ]  # fmt: skip
        budget, at_budget = data.get("budget", 1000), data.get("at_budget", "stop")
        if (
            isinstance(budget, bool)
            or not isinstance(budget, int | float)
            or not 0 <= budget < 1e12
        ):
            problems.append(
                Problem("bad-budget", "the budget is a number of activations a month, 0 or more", "budget", file)
            )  # fmt: skip
        if at_budget not in AT_BUDGET:
            hint = did_you_mean(str(at_budget), AT_BUDGET) or "write stop or continue"
            problems.append(Problem("bad-value", f"at_budget {at_budget!r} is not known", "at_budget", file, hint=hint))  # fmt: skip
        notices = data.get("notices")
        if notices is not None and not isinstance(notices, Mapping):
            problems.append(
                Problem("bad-value", "notices is a destination: {url: …}", "notices", file)
            )
        if problems:
            raise DeliveryError(problems)
        return cls(Budget(float(budget), at_budget), notices, file)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> Self:
        """Read streamkit.yaml.

        Raises:
            DeliveryError: It cannot be read or something is not valid.
        """
        document, _ = read_document(path, DeliveryError)
        if document.problems:
            raise DeliveryError(document.problems)
        data = document.plain() or {}
        if not isinstance(data, Mapping):
            raise DeliveryError("settings are keys and values", code="bad-settings", file=str(path))
        return cls.from_dict(data, str(path))

    @classmethod
    def found(cls, *folders: str | PathLike[str]) -> Self:
        """The settings of the first folder that has a streamkit.yaml, or else the defaults."""
        for folder in folders:
            file = Path(folder) / SETTINGS_FILE
            if file.is_file():
                return cls.from_file(file)
        return cls()
