"""Presets: roles, session key and friendly names for the layouts people have."""

from streamkit.events.presets.fullstory import FULLSTORY, FULLSTORY_EXPORT
from streamkit.events.presets.preset import Preset, Role
from streamkit.events.presets.product_analytics import AMPLITUDE, MIXPANEL, POSTHOG
from streamkit.events.presets.snowplow import SNOWPLOW
from streamkit.events.presets.web_collection import GA4, SEGMENT

__all__ = ["PRESETS", "Preset", "Role"]

PRESETS = {
    preset.name: preset
    for preset in (
        FULLSTORY, FULLSTORY_EXPORT, SEGMENT, SNOWPLOW, GA4, POSTHOG, AMPLITUDE, MIXPANEL,
    )
}  # fmt: skip
"""Every preset by name."""
