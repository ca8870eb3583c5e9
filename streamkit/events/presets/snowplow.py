"""Snowplow's `atomic.events`.

Columns from the vendor's canonical event model and from its dbt package for the web
(github.com/snowplow/dbt-snowplow-web). Tested on rows the vendor published (the package's
integration tests). Contexts and self-describing events are JSON in text columns there (Redshift
and Snowflake, unloaded); nested columns, as BigQuery writes them, resolve as well.
"""

from __future__ import annotations

from streamkit.events.presets.preset import Preset, same

__all__ = ["SNOWPLOW"]

VENDOR = "contexts_com_snowplowanalytics_snowplow"
AGENT, YAUAA = f"{VENDOR}_ua_parser_context_1", "contexts_nl_basjes_yauaa_context_1"


def _context(column: str, key: str) -> tuple[str, ...]:
    """A key of the first entity in a context's column, as each warehouse names the column."""
    snake = "".join(f"_{mark.lower()}" if mark.isupper() else mark for mark in key)
    return (f"{column}_0_0.0.{key}", f"{column}.0.{key}", f"{column}_0_0.0.{snake}",
            f"{column}_0_0.{snake}", f"{column}_0_0.{key}")  # fmt: skip


SNOWPLOW = Preset(
    name="snowplow",
    title="Snowplow",
    roles={
        "time": ("derived_tstamp", "collector_tstamp"),
        "name": ("event_name", "event"),
        "session": ("domain_sessionid",),
        "user": ("domain_userid", "network_userid", "user_id"),
        "id": ("event_id",),
    },
    signature=(
        {"collector_tstamp", "event_id", "event_name", "domain_sessionid", "domain_userid"},
    ),
    json=("contexts_*", "unstruct_event_*"),
    aliases={
        **same("event_id event_name event app_id platform user_id domain_userid domain_sessionid"
               " page_title user_ipaddress geo_country geo_region geo_city mkt_medium mkt_source"
               " mkt_campaign se_category se_action se_label se_property se_value"),
        "event_time": ("derived_tstamp", "collector_tstamp"),
        "session_id": ("domain_sessionid",),
        "url": ("page_url",),
        "path": ("page_urlpath",),
        "host": ("page_urlhost",),
        "referrer": ("page_referrer",),
        "country": ("geo_country",),
        "utm_source": ("mkt_source",),
        "utm_medium": ("mkt_medium",),
        "utm_campaign": ("mkt_campaign",),
        "browser": (*_context(AGENT, "useragentFamily"), "br_name"),
        "browser_version": (*_context(AGENT, "useragentVersion"), "br_version"),
        "os": (*_context(AGENT, "osFamily"), "os_name"),
        "device": (*_context(YAUAA, "deviceClass"), "dvce_type"),
        "page_view_id": _context(f"{VENDOR}_web_page_1", "id"),
    },
)  # fmt: skip
