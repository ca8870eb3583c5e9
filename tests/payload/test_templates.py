"""Templates: what receivers ask for, and what they refuse, whatever the events hold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streamkit import PayloadError, Stream
from streamkit.definition.payload_templates import TEMPLATES
from streamkit.matching.contexts import Context
from streamkit.payload import compile_payload

from .examples import CONTEXT, MATCH, shown, stream_of

LONG = Context(({"text": "<&>😀\x01" * 20_000}, {}), {"user.email": "<!channel> & <@U1>"})
GIVEN: dict[str, dict[str, Any]] = {
    "pagerduty": {"routing_key": ["secret", "env:PAGERDUTY"]},
    "adobe": {"schema_id": "https://ns.adobe.com/t/schemas/1", "org_id": "1@AdobeOrg", "dataset_id": "d"},
    "salesforce": {"event_definition_key": "APIEvent-1"},
}  # fmt: skip


def body_of(name: str, context: Context = CONTEXT, match: Any = MATCH, **given: Any) -> Any:
    given = {**GIVEN.get(name, {}), **given}
    stream = stream_of({"template": name, **({"with": given} if given else {})})
    return shown(compile_payload(stream).render(match, context))


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_body_of_each_template_meets_its_schema(name: str) -> None:
    """With all values and with as few as there can be."""
    given = GIVEN.get(name, {})
    stream = stream_of({"template": name, **({"with": given} if given else {})})
    payload = compile_payload(stream)
    validator = Draft202012Validator(payload.body_schema())
    validator.validate(shown(payload.render(MATCH, CONTEXT)))
    try:
        bare = payload.render({**MATCH, "user": None, "session": None}, Context(({}, {})))
    except PayloadError as error:
        assert error.code == "missing-value"  # noqa: PT017 # the other outcome is checked below
        assert name in ("adobe", "emarsys", "braze", "salesforce")
    else:
        validator.validate(shown(bare))


def test_slack_stays_inside_the_limits() -> None:
    """At most 50 blocks, 3,000 characters a text; event data cannot mention or link anybody."""
    body = body_of("slack", LONG, text=["var", "event.0.text"])
    assert 1 <= len(body["blocks"]) <= 50
    assert len(body["text"]) == 3000
    assert len(body["blocks"][0]["text"]["text"]) == 3000
    assert body["blocks"][0]["type"] == "section"
    assert len(body["blocks"][1]["elements"]) <= 10
    harmless = body_of("slack", LONG)["text"]
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in harmless
    assert "<" not in harmless


def test_teams_gets_an_adaptive_card() -> None:
    """The envelope, the card's and its elements' required properties, and less than 28 KB."""
    body = body_of("teams", LONG, text=["var", "event.0.text"])
    assert body["type"] == "message"
    (attachment,) = body["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    needed = {"TextBlock": {"text"}, "FactSet": {"facts"}}
    for element in card["body"]:
        assert needed[element["type"]] <= set(element)
        for fact in element.get("facts", []):
            assert set(fact) == {"title", "value"}
            assert all(isinstance(text, str) for text in fact.values())
    assert len(json.dumps(body, ensure_ascii=False).encode()) < 28 * 1024


def test_pagerduty_gets_what_it_requires() -> None:
    """Routing key as a secret, action, and summary, source and severity; a summary of 1,024."""
    body = body_of("pagerduty", LONG, summary=["var", "event.0.text"], severity="critical")
    assert body["routing_key"] == "<secret env:PAGERDUTY>"
    assert body["event_action"] == "trigger"
    assert len(body["dedup_key"]) <= 255
    event = body["payload"]
    assert {"summary", "source", "severity"} <= set(event)
    assert event["severity"] == "critical"
    assert len(event["summary"]) == 1024
    assert isinstance(event["custom_details"], dict)


def test_segment_knows_who_and_what() -> None:
    """`event`, and `userId` or `anonymousId`, also where the user is not known."""
    body = body_of("segment")
    assert body["userId"] == "u1"
    assert body["event"] == "left with a full basket"
    assert body["messageId"] == MATCH["match_id"]
    unknown = body_of("segment", match={**MATCH, "user": None, "session": None})
    assert "userId" not in unknown
    assert unknown["anonymousId"] == "s1:sku-7"


@pytest.mark.parametrize("name", ["adobe", "braze", "salesforce"])
def test_nobody_is_told_about_nobody(name: str) -> None:
    """Without the user the receiver would refuse the body, so none is made, and the error says why."""
    with pytest.raises(PayloadError, match="missing") as caught:
        body_of(name, match={**MATCH, "user": None})
    assert caught.value.path.startswith("payload.with.")


def test_what_crms_get() -> None:
    """The required fields of Braze, Emarsys, Salesforce and Adobe."""
    (event,) = body_of("braze", event="basket_left")["events"]
    assert event["external_id"] == "u1"
    assert event["name"] == "basket_left"
    assert event["time"] == "2026-03-01T10:05:00.250000Z"
    emarsys = body_of("emarsys", data={"sku": ["var", "event.0.sku"]})
    assert emarsys == {
        "key_id": "3",
        "external_id": "ada@example.com",
        "data": {"global": {"sku": " Ab-12 "}},
    }
    salesforce = body_of("salesforce", data={"plan": ["var", "session.plan"]})
    assert salesforce == {
        "ContactKey": "u1",
        "EventDefinitionKey": "APIEvent-1",
        "Data": {"plan": "pro"},
    }
    adobe = body_of("adobe")
    assert adobe["header"]["schemaRef"] == adobe["body"]["xdmMeta"]["schemaRef"]
    assert adobe["body"]["xdmEntity"]["identityMap"] == {"CRMID": [{"id": "u1", "primary": True}]}


def test_a_template_leaves_out_what_is_missing_unless_told() -> None:
    """`missing` beside a template counts, as everywhere."""
    match = {**MATCH, "user": None}
    assert "user" not in body_of("segment", match=match)["properties"]
    stream = Stream("s", [{"event": "a"}], payload={"template": "segment", "missing": "as_null"})
    assert shown(compile_payload(stream).render(match, CONTEXT))["userId"] is None
