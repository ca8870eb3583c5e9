"""What all tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent

# machines are shared: no deadline for a single example
settings.register_profile(
    "shared", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared")


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
