"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shop() -> Path:
    """The shipped history."""
    return ROOT / "data" / "shop"


@pytest.fixture(scope="session")
def streams() -> Path:
    """The shipped streams."""
    return ROOT / "data" / "streams"


@pytest.fixture(scope="session")
def schema_file() -> Path:
    """The shipped schema."""
    return ROOT / "data" / "schema.yaml"
