"""Fullstory: the Warehouse's events table, and Data Export.

Warehouse: columns from the vendor's Snowflake page (developer.fullstory.com/destinations/snowflake)
and from its dbt package (github.com/fullstorydev/dbt_fullstory, `models/events.sql` and the seeds).
Tested on the vendor's seed rows, which hold no custom event. Four paths follow the names of the
vendor's Streams mapping and were seen in no row: `custom_properties`, `custom_event_name`,
`page_name` and `element_name`. Warehouse rows hold no replay link: `app_url_event` resolves and is
missing unless a pipeline adds it to `event_properties`; build the link from `device_id` and
`session_id` instead.

Data Export: columns from the vendor's data dictionary (developer.fullstory.com/get-data-export)
and from its loader (github.com/fullstorydev/hauser, `warehouse/schema.go`), which writes custom
properties as JSON in `CustomVars`; the raw export has a column each, such as `evt_accepted_bool`.
Tested on rows built to these, not on rows of the vendor; the columns tried for `page_name`,
`app_url_event` and `source_type` are guesses at what a pipeline names them.
"""

from __future__ import annotations

from streamkit.events.presets.preset import Preset, same

__all__ = ["FULLSTORY", "FULLSTORY_EXPORT"]

AGENT = "source_properties.user_agent"
PLACE = "source_properties.location"
CUSTOM_SUFFIXES = ("str", "int", "real", "bool", "date", "strs", "ints", "reals", "bools", "dates")

FULLSTORY = Preset(
    name="fullstory",
    title="Fullstory Warehouse",
    roles={
        "time": ("event_time",),
        "name": ("event_type",),
        "session": (("device_id", "session_id"),),
        "user": ("device_id",),
        "id": ("event_id",),
    },
    signature=(
        {"event_time", "event_type", "device_id", "session_id", "event_properties",
         "source_properties"},
    ),
    json=("event_properties", "source_properties"),
    aliases={
        **same("event_id event_time processed_time updated_time device_id session_id view_id"
               " event_type source_type"),
        "ua_browser": (f"{AGENT}.browser",),
        "ua_browser_version": (f"{AGENT}.browser_version",),
        "ua_device": (f"{AGENT}.device",),
        "ua_operating_system": (f"{AGENT}.operating_system",),
        "user_agent": (f"{AGENT}.raw_user_agent",),
        "ip_address": (f"{PLACE}.ip_address",),
        "country": (f"{PLACE}.country",),
        "region": (f"{PLACE}.region",),
        "city": (f"{PLACE}.city",),
        "lat_long": (f"{PLACE}.lat_long",),
        "url": ("source_properties.url.full_url",),
        "url_host": ("source_properties.url.host",),
        "url_path": ("source_properties.url.path",),
        "url_query": ("source_properties.url.query",),
        "referer_url": ("source_properties.initial_referrer.full_url",),
        "page_name": ("source_properties.page_name",),
        "page_definition_id": ("source_properties.page_definition_id",),
        "target_text": ("event_properties.target.text",),
        "element_name": ("event_properties.target.element_definition_id",),
        "element_properties": ("event_properties.target.element_properties",),
        "user_id": ("event_properties.user_id",),
        "user_email": ("event_properties.user_email",),
        "user_display_name": ("event_properties.user_display_name",),
        "user_properties": ("event_properties.user_properties",),
        "custom_event_name": ("event_properties.event_name",),
        "custom_properties": ("event_properties.custom_properties",),
        "app_url_event": ("event_properties.app_url_event",),
    },
)  # fmt: skip

FULLSTORY_EXPORT = Preset(
    name="fullstory_export",
    title="Fullstory Data Export",
    roles={
        "time": ("EventStart",),
        "name": ("EventType",),
        "session": (("UserId", "SessionId"),),
        "user": ("IndvId", "UserId"),
    },
    signature=({"EventStart", "EventType", "UserId", "SessionId", "PageUrl"},),
    json=("CustomVars",),
    aliases={
        "event_time": ("EventStart",),
        "event_type": ("EventType",),
        "device_id": ("UserId",),
        "session_id": ("SessionId",),
        "view_id": ("PageId",),
        "source_type": ("EventSource", "PagePlatform"),
        "ua_browser": ("PageBrowser",),
        "ua_browser_version": ("PageBrowserVersion", "CustomVars.PageBrowserVersion"),
        "ua_device": ("PageDevice",),
        "ua_operating_system": ("PageOperatingSystem",),
        "user_agent": ("PageUserAgent", "PageAgent"),
        "ip_address": ("PageIp",),
        "lat_long": ("PageLatLong",),
        "url": ("PageUrl",),
        "referer_url": ("PageRefererUrl",),
        "page_name": ("PageName", "pg_pageName_str", "CustomVars.pg_pageName_str"),
        "target_text": ("EventTargetText",),
        "element_name": ("EventTargetSelectorTok",),
        "user_id": ("UserAppKey",),
        "user_email": ("UserEmail",),
        "user_display_name": ("UserDisplayName",),
        "user_properties.*": (
            *(f"user_*_{suffix}" for suffix in CUSTOM_SUFFIXES),
            "CustomVars.user_*_str",
        ),
        "custom_event_name": ("EventCustomName",),
        "custom_properties.*": (
            *(f"evt_*_{suffix}" for suffix in CUSTOM_SUFFIXES),
            "CustomVars.evt_*_str",
        ),
        "app_url_event": ("EventSessionUrl", "AppUrlEvent", "CustomVars.app_url_event"),
    },
)
