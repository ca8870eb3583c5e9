"""PostHog, Amplitude and Mixpanel: one table of events, properties as JSON.

PostHog: the events model of batch exports (posthog.com/docs/cdp/batch-exports/s3).
Amplitude: the Export API and the Snowflake events table
(amplitude.com/docs/data/destination-catalog/snowflake). A `session_id` is the session's start in
milliseconds and unique only for one person, so it is joined with `amplitude_id`. Events outside
sessions carry -1 there: all such events of a person count as one session.
Mixpanel: JSON pipelines (docs.mixpanel.com/docs/data-pipelines/json-pipelines), or the raw export
with `event` and `properties` alone. Mixpanel computes sessions when it is asked and exports none:
they are made from gaps of 30 minutes here, Mixpanel's own default.

Tested on rows built to these pages, not on rows of the vendors.
"""

from __future__ import annotations

from streamkit.events.presets.preset import Preset, same

__all__ = ["AMPLITUDE", "MIXPANEL", "POSTHOG"]

POSTHOG = Preset(
    name="posthog",
    title="PostHog batch export",
    roles={
        "time": ("timestamp",),
        "name": ("event",),
        "session": ("properties.$session_id",),
        "user": ("person_id", "distinct_id"),
        "id": ("uuid",),
    },
    signature=({"uuid", "event", "distinct_id", "properties", "timestamp"},),
    json=("properties", "person_properties", "set", "set_once"),
    aliases={
        **same("uuid event distinct_id person_id timestamp elements_chain"),
        "event_time": ("timestamp",),
        "session_id": ("properties.$session_id",),
        "window_id": ("properties.$window_id",),
        "url": ("properties.$current_url",),
        "path": ("properties.$pathname",),
        "host": ("properties.$host",),
        "referrer": ("properties.$referrer",),
        "browser": ("properties.$browser",),
        "browser_version": ("properties.$browser_version",),
        "os": ("properties.$os",),
        "device_type": ("properties.$device_type",),
        "device_id": ("properties.$device_id",),
        "screen_name": ("properties.$screen_name",),
        "country": ("properties.$geoip_country_code",),
        "city": ("properties.$geoip_city_name",),
        "utm_source": ("properties.utm_source",),
        "utm_medium": ("properties.utm_medium",),
        "utm_campaign": ("properties.utm_campaign",),
        "email": ("person_properties.email", "properties.$set.email"),
    },
)

AMPLITUDE = Preset(
    name="amplitude",
    title="Amplitude",
    roles={
        "time": ("event_time", "client_event_time"),
        "name": ("event_type",),
        "session": (("amplitude_id", "session_id"), ("device_id", "session_id")),
        "user": ("amplitude_id", "user_id", "device_id"),
        "id": ("uuid", "$insert_id", "insert_id", "_insert_id"),
    },
    signature=({"event_type", "event_time", "amplitude_id", "session_id", "event_properties"},),
    json=("event_properties", "user_properties", "group_properties", "groups", "data"),
    aliases={
        **same("uuid event_type event_time session_id user_id device_id amplitude_id platform"
               " os_name os_version device_type device_family country region city language"
               " ip_address version_name event_id"),
        "insert_id": ("$insert_id", "_insert_id"),
        "os": ("os_name",),
        "device": ("device_family",),
        "url": ("event_properties.[Amplitude] Page URL", "event_properties.page_url"),
        "path": ("event_properties.[Amplitude] Page Path",),
        "page_title": ("event_properties.[Amplitude] Page Title",),
        "referrer": ("user_properties.referrer",),
        "email": ("user_properties.email",),
        "utm_source": ("user_properties.utm_source",),
        "utm_medium": ("user_properties.utm_medium",),
        "utm_campaign": ("user_properties.utm_campaign",),
    },
)  # fmt: skip

MIXPANEL = Preset(
    name="mixpanel",
    title="Mixpanel",
    roles={
        "time": ("time", "properties.time"),
        "name": ("event_name", "event", "mp_event_name"),
        "user": ("distinct_id", "properties.distinct_id"),
        "id": ("insert_id", "properties.$insert_id", "mp_insert_id"),
    },
    signature=({"event_name", "distinct_id", "insert_id", "time", "properties"},),
    json=("properties",),
    types={"properties.time": "integer"},
    time_unit="s",
    sessionizer={"inactivity": "30m"},
    aliases={
        **same("event_name distinct_id insert_id time"),
        "event_time": ("time", "properties.time"),
        "device_id": ("device_id", "properties.$device_id"),
        "user_id": ("user_id", "properties.$user_id"),
        "url": ("properties.$current_url", "properties.current_url"),
        "referrer": ("properties.$referrer",),
        "browser": ("properties.$browser",),
        "browser_version": ("properties.$browser_version",),
        "os": ("properties.$os",),
        "device": ("properties.$device",),
        "city": ("properties.$city",),
        "region": ("properties.$region",),
        "country": ("properties.mp_country_code",),
        "screen_width": ("properties.$screen_width",),
        "utm_source": ("properties.utm_source",),
        "utm_medium": ("properties.utm_medium",),
        "utm_campaign": ("properties.utm_campaign",),
    },
)
