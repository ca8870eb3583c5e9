"""References: the name of a secret stands where its value must not."""

from streamkit.references.form import (
    REFERENCE_HINT,
    hides_reference,
    is_reference,
    names_secret,
    reference_problem,
    secrets_in,
    url_shows_secret,
)
from streamkit.references.resolving import resolve

__all__ = [
    "REFERENCE_HINT",
    "hides_reference",
    "is_reference",
    "names_secret",
    "reference_problem",
    "resolve",
    "secrets_in",
    "url_shows_secret",
]
