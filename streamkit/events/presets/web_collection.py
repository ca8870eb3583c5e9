"""Segment, and Google Analytics 4 in BigQuery.

Segment: the `tracks` table and the tables of single events in a warehouse
(segment.com/docs/connections/storage/warehouses/schema), or the raw calls that storage
destinations keep (camel case, `context` and `properties` as JSON). Segment has no session:
sessions are made from gaps of 30 minutes of one anonymous id.
GA4: the BigQuery export's `events_*` tables (support.google.com/analytics/answer/7029846).
`event_params` and `user_properties` read as maps. A session is `user_pseudo_id` with the
parameter `ga_session_id`, which is unique only for one browser; rows have no id of their own.

Tested on rows built to these pages, not on rows of the vendors.
"""

from __future__ import annotations

from streamkit.events.presets.preset import Preset, same, under

__all__ = ["GA4", "SEGMENT"]

SEGMENT = Preset(
    name="segment",
    title="Segment",
    roles={
        "time": ("timestamp", "received_at", "receivedAt"),
        "name": ("event", "name", "type"),
        "user": ("anonymous_id", "anonymousId", "user_id", "userId"),
        "id": ("id", "messageId", "message_id"),
    },
    signature=(
        {"anonymous_id", "received_at", "sent_at", "original_timestamp", "event"},
        {"anonymousId", "messageId", "receivedAt", "timestamp", "event"},
    ),
    json=("properties", "context", "traits", "integrations"),
    sessionizer={"inactivity": "30m"},
    aliases={
        **same("event event_text timestamp received_at"),
        "event_time": ("timestamp", "received_at", "receivedAt"),
        "event_name": ("event",),
        "user_id": ("user_id", "userId"),
        "anonymous_id": ("anonymous_id", "anonymousId"),
        "url": ("context_page_url", "context.page.url"),
        "path": ("context_page_path", "context.page.path"),
        "page_title": ("context_page_title", "context.page.title"),
        "referrer": ("context_page_referrer", "context.page.referrer"),
        "ip": ("context_ip", "context.ip"),
        "locale": ("context_locale", "context.locale"),
        "user_agent": ("context_user_agent", "context.userAgent"),
        "library": ("context_library_name", "context.library.name"),
        "utm_source": ("context_campaign_source", "context.campaign.source"),
        "utm_medium": ("context_campaign_medium", "context.campaign.medium"),
        "utm_campaign": ("context_campaign_name", "context.campaign.name"),
        "email": ("context_traits_email", "context.traits.email", "traits.email"),
        "properties.*": ("*",),
    },
)

TEXT_PARAMS = "page_location page_title page_referrer source medium campaign content term"
NUMBER_PARAMS = "ga_session_id ga_session_number engagement_time_msec entrances"

GA4 = Preset(
    name="ga4",
    title="GA4 BigQuery export",
    roles={
        "time": ("event_timestamp",),
        "name": ("event_name",),
        "session": (("user_pseudo_id", "event_params.ga_session_id.int_value"),),
        "user": ("user_pseudo_id", "user_id"),
    },
    signature=({"event_timestamp", "event_name", "event_params", "user_pseudo_id"},),
    time_unit="us",
    aliases={
        **same("event_name event_timestamp user_id user_pseudo_id platform stream_id"),
        "event_time": ("event_timestamp",),
        **{name: (f"event_params.{name}.string_value",) for name in TEXT_PARAMS.split()},
        **{name: (f"event_params.{name}.int_value",) for name in NUMBER_PARAMS.split()},
        "session_id": ("event_params.ga_session_id.int_value",),
        "url": ("event_params.page_location.string_value",),
        "referrer": ("event_params.page_referrer.string_value",),
        **under("geo", "country region city continent"),
        "device_category": ("device.category",),
        "os": ("device.operating_system",),
        "browser": ("device.web_info.browser", "device.browser"),
        "browser_version": ("device.web_info.browser_version", "device.browser_version"),
        "hostname": ("device.web_info.hostname",),
        "utm_source": ("traffic_source.source",),
        "utm_medium": ("traffic_source.medium",),
        "utm_campaign": ("traffic_source.name",),
        "transaction_id": ("ecommerce.transaction_id",),
        "revenue": ("ecommerce.purchase_revenue",),
    },
)  # fmt: skip
