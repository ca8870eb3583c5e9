"""Random tests here are of a machine shared with others: no deadline for a single example."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "definition", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("definition")
