"""The ledger: every match that was handed over, and what became of it."""

from streamkit.delivery.ledger.ledger import Ledger
from streamkit.delivery.ledger.reporting import Status

__all__ = ["Ledger", "Status"]
