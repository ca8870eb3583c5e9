"""Every test of this folder that asks for `engine` or `rival` runs on each of them."""

from __future__ import annotations

import pytest

from tests.conformance.engines import BacktestEngine, Engine, PiecesEngine, ReferenceEngine
from tests.conformance.live_engine import LiveEngine

ENGINES = (ReferenceEngine, BacktestEngine, PiecesEngine, LiveEngine)


@pytest.fixture(params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine under test; later ones are added to `ENGINES`."""
    return request.param()


@pytest.fixture(params=ENGINES[1:], ids=lambda engine: engine.name)
def rival(request: pytest.FixtureRequest) -> Engine:
    """An engine that is held against the reference."""
    return request.param()
