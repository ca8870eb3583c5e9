"""Payloads in the form that known receivers ask for.

Each template is a mapping like one in JSON mode. Three more calls stand in it that streams do not
have: `["param", name]` is what the stream gives under `with`, itself a mapping; `["limit", text, n]`
cuts text that the receiver would refuse; and `["need", x]` makes no body where x is missing, because
the receiver would refuse that too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["TEMPLATES", "TEMPLATE_CALLS", "Parameter", "Template"]

REQUIRED: Any = object()
TEMPLATE_CALLS = ("param", "limit", "need")
"""Calls of templates alone."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a stream says to a template.

    Args:
        help: What it is, as one sentence.
        default: A mapping that stands for it where the stream gives none.
        choices: The texts it can be; empty for any value.
    """

    help: str
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()

    @property
    def is_required(self) -> bool:
        """Whether the stream has to give it."""
        return self.default is REQUIRED


@dataclass(frozen=True, slots=True)
class Template:
    """A payload in a receiver's form.

    Args:
        title: The receiver.
        checked: What the form was checked against, or `unverified`.
        mapping: The body.
        parameters: What `with` may hold.
        missing: What becomes of missing values where the stream does not say.
    """

    title: str
    checked: str
    mapping: Any
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    missing: str = "omit"


NAME = ["var", "stream.name"]
USER = ["var", "user.id", None]
MATCHED = ["var", "match.matched_at"]
TEXT = [
    "concat",
    NAME,
    ": ",
    ["coalesce", ["var", "user.email", None], USER, ["join", ["var", "key"], " / "]],
]
FACTS = {
    "stream": NAME,
    "version": ["var", "stream.version"],
    "match_id": ["var", "match.id"],
    "key": ["var", "key"],
    "user": USER,
    "started_at": ["var", "match.started_at"],
    "matched_at": MATCHED,
    "fired_at": ["var", "match.fired_at"],
}  # fmt: skip


def _slack_text(text: Any, longest: int) -> Any:
    """Text in which event data can neither link nor call people together."""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = ["replace", text, mark, written]
    return ["limit", text, longest]


MESSAGE = Parameter("The message, as text or a mapping that gives text.", TEXT)
DETAILS = Parameter("An object of more values; facts of the match by default.", FACTS)
EVENT = Parameter("The event's name at the receiver; the stream's name by default.", NAME)

TEMPLATES: Mapping[str, Template] = {
    "envelope": Template(
        "Generic envelope",
        "developer.fullstory.com/destinations/webhooks: fields and example of the request body",
        {
            "name": NAME,
            "timestamp": MATCHED,
            "api_version": "v2",
            "signal_version": ["var", "stream.version"],
            "user": {
                "id": USER,
                "uid": ["coalesce", ["var", "user.uid", None], ["var", "user.user_id", None]],
                "email": ["var", "user.email", None],
                "display_name": ["var", "user.display_name", None],
            },
        },
        missing="as_null",
    ),
    "slack": Template(
        "Slack incoming webhook",
        "docs.slack.dev/reference/block-kit: limits of 50 blocks, 3,000 characters a text",
        {
            "text": _slack_text(["param", "text"], 3000),
            "blocks": [
                {
                    "type": "section",
                    "text": {"type": "mrkdwn", "text": _slack_text(["param", "text"], 3000)},
                },
                {
                    "type": "context",
                    "elements": [
                        {
                            "type": "mrkdwn",
                            "text": _slack_text(
                                ["concat", NAME, " · ", ["formatTime", ["var", "match.fired_at"], "%Y-%m-%d %H:%M:%S UTC"]],
                                2000,
                            ),
                        }
                    ],
                },
            ],
        },
        {"text": Parameter("The message; marks of Slack's markup such as <@U1> are shown, not followed.", TEXT)},
    ),
    "teams": Template(
        "Microsoft Teams workflow (Adaptive Card)",
        "adaptivecards.io schema 1.4: required properties; learn.microsoft.com: envelope, 28 KB",
        {
            "type": "message",
            "attachments": [
                {
                    "contentType": "application/vnd.microsoft.card.adaptive",
                    "contentUrl": None,
                    "content": {
                        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                        "type": "AdaptiveCard",
                        "version": "1.4",
                        "body": [
                            {"type": "TextBlock", "size": "Medium", "weight": "Bolder", "text": NAME, "wrap": True},
                            {"type": "TextBlock", "text": ["limit", ["param", "text"], 4000], "wrap": True},
                            {
                                "type": "FactSet",
                                "facts": [
                                    {"title": "Matched at", "value": MATCHED},
                                    {"title": "Match", "value": ["var", "match.id"]},
                                ],
                            },
                        ],
                    },
                }
            ],
        },
        {"text": MESSAGE},
    ),
    "pagerduty": Template(
        "PagerDuty Events API v2",
        "github.com/PagerDuty/api-schema, reference/events-v2: required fields and severities;"
        " developer.pagerduty.com: summary of 1,024 characters",
        {
            "routing_key": ["param", "routing_key"],
            "event_action": "trigger",
            "dedup_key": ["var", "match.id"],
            "client": "streamkit",
            "payload": {
                "summary": ["limit", ["param", "summary"], 1024],
                "source": ["limit", ["param", "source"], 255],
                "severity": ["param", "severity"],
                "timestamp": MATCHED,
                "class": NAME,
                "custom_details": ["param", "details"],
            },
        },
        {
            "routing_key": Parameter('The integration key: ["secret", "env:NAME"].'),
            "summary": Parameter("What happened, in a line.", TEXT),
            "source": Parameter("Where it happened, such as a host's name.", "streamkit"),
            "severity": Parameter("How bad it is.", "warning", ("critical", "error", "warning", "info")),
            "details": DETAILS,
        },
    ),
    "segment": Template(
        "Segment track call (HTTP tracking API)",
        "segment.com/docs/connections/sources/catalog/libraries/server/http-api: required fields, 32 KB",
        {
            "userId": USER,
            "anonymousId": ["coalesce", ["var", "session.id"], ["join", ["var", "key"], ":"]],
            "event": ["param", "event"],
            "properties": ["param", "properties"],
            "timestamp": MATCHED,
            "messageId": ["var", "match.id"],
            "context": {"library": {"name": "streamkit", "version": "1"}},
        },
        {"event": EVENT, "properties": DETAILS},
    ),
    "adobe": Template(
        "Adobe Experience Platform streaming ingestion (XDM ExperienceEvent)",
        "unverified: written after experienceleague.adobe.com, streaming-time-series-data; the fields"
        " of your schema decide",
        {
            "header": {
                "schemaRef": {
                    "id": ["param", "schema_id"],
                    "contentType": "application/vnd.adobe.xed-full+json;version=1",
                },
                "imsOrgId": ["param", "org_id"],
                "datasetId": ["param", "dataset_id"],
                "source": {"name": "streamkit"},
            },
            "body": {
                "xdmMeta": {
                    "schemaRef": {
                        "id": ["param", "schema_id"],
                        "contentType": "application/vnd.adobe.xed-full+json;version=1",
                    }
                },
                "xdmEntity": {
                    "_id": ["var", "match.id"],
                    "timestamp": MATCHED,
                    "eventType": ["param", "event"],
                    "identityMap": ["param", "identity_map"],
                },
            },
        },
        {
            "schema_id": Parameter("The XDM schema's address, https://ns.adobe.com/…/schemas/…."),
            "org_id": Parameter("The organisation, …@AdobeOrg."),
            "dataset_id": Parameter("The dataset."),
            "event": EVENT,
            "identity_map": Parameter(
                "Who it is, by identity namespace; the user under CRMID by default.",
                {"CRMID": [{"id": ["need", ["var", "user.id"]], "primary": True}]},
            ),
        },
    ),
    "emarsys": Template(
        "SAP Emarsys external event",
        "help.emarsys.com, Triggering External Events: required parameters and example",
        {
            "key_id": ["param", "key_id"],
            "external_id": ["need", ["param", "contact"]],
            "data": {"global": ["param", "data"]},
        },
        {
            "key_id": Parameter("The field that the contact is found by; 3 is the e-mail address.", "3"),
            "contact": Parameter("The contact's value of that field.", ["var", "user.email"]),
            "data": DETAILS,
        },
    ),
    "braze": Template(
        "Braze user track",
        "braze.com/docs/api/objects_filters/event_object: required fields",
        {
            "events": [
                {
                    "external_id": ["need", ["param", "external_id"]],
                    "name": ["param", "event"],
                    "time": MATCHED,
                    "properties": ["param", "properties"],
                }
            ]
        },
        {
            "external_id": Parameter("The user at Braze.", ["var", "user.id"]),
            "event": EVENT,
            "properties": DETAILS,
        },
    ),
    "salesforce": Template(
        "Salesforce Marketing Cloud entry event",
        "developer.salesforce.com/docs/marketing/marketing-cloud/guide/postEvent.html: required fields",
        {
            "ContactKey": ["need", ["param", "contact_key"]],
            "EventDefinitionKey": ["param", "event_definition_key"],
            "Data": ["param", "data"],
        },
        {
            "contact_key": Parameter("The contact.", ["var", "user.id"]),
            "event_definition_key": Parameter("The entry event's key, without a full stop."),
            "data": DETAILS,
        },
    ),
}  # fmt: skip
"""Every template by its name."""
