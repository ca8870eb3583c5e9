"""README and docs tell the truth."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import streamkit
from streamkit.cli import run
from tests.readme import PAGES, README, ROOT, renewed

TEXT = README.read_text()
SHELL = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
LINES = [line for block in SHELL for line in block.splitlines() if line.startswith("streamkit ")]
OWN_DATA = [line for line in LINES if "exports/" in line]
COMMANDS = [line for line in LINES if line not in OWN_DATA]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_shown_output_is_the_real_output(page: Path) -> None:
    """What a page shows is what the commands print today."""
    assert renewed(page.read_text()) == page.read_text()


def test_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of the README on the shipped data, in its order, as it stands."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        assert run(shlex.split(command)[1:]) == 0, command
    assert len(COMMANDS) >= 6
    assert len(OWN_DATA) == 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To files of the project."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_exist(page: Path) -> None:
    """Every option that a page's command names is one of that command."""
    from streamkit.cli.main import COMMANDS as NAMES
    from streamkit.cli.main import _command, _Parser

    options = {}
    for name in NAMES:
        parser = _Parser(prog=name)
        _command(name).add_arguments(parser)
        options[name] = set(parser.options) | {"--debug", "--help"}
    text = page.read_text().replace("\\\n", " ")
    for block in re.findall(r"```(?:sh|text)\n(.*?)```", text, re.DOTALL):
        for line in re.findall(r"^(?:\$ )?streamkit (.*)$", block, re.MULTILINE):
            name, *words = shlex.split(line, comments=True)
            used = {word.split("=")[0] for word in words if word.startswith("--")}
            assert used <= options[name], line


WEB = """\
name: promo
steps: [{event: EVENT}]
frequency: every
"""


def own_data(folder: Path, layout: str) -> str:
    """Events as a user of that layout has them; the name of an event in them."""
    published = ROOT.parent / "shared" / "realdata"
    if layout == "plain":
        times = [datetime(2026, 3, 1, 10, tzinfo=UTC) + timedelta(minutes=20 * n) for n in range(9)]
        events = {"ts": times, "event": ["visit"] * 9, "user_id": ["a", "b", "b"] * 3}
        pl.DataFrame(events).write_parquet(folder / "events.parquet")
        return "visit"
    if not published.exists():
        pytest.skip("the published rows are not here")
    if layout == "Snowplow":
        rows = pl.read_parquet(published / "snowplow_web_edge_cases" / "events.parquet")
        rows.write_parquet(folder / "events.parquet")
        return "page_view"
    rows = pl.read_csv(
        published / "fullstory_schema_fixture" / "events_seed.csv", try_parse_dates=True
    )
    rows.with_columns(pl.col("device_id", "session_id", "view_id").cast(pl.String)).write_parquet(
        folder / "events.parquet"
    )
    return "click"


@pytest.mark.parametrize("layout", ["Fullstory", "Snowplow", "plain"])
def test_five_commands_lead_from_own_data_to_a_count(
    layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The README's five, as they stand, on each of the layouts that it names."""
    (tmp_path / "exports").mkdir()
    event = own_data(tmp_path / "exports", layout)
    (tmp_path / "promo.yaml").write_text(WEB.replace("EVENT", event))
    monkeypatch.chdir(tmp_path)
    for command in OWN_DATA:
        words = shlex.split(command.replace("EVENT", event), comments=True)
        assert run(words[1:]) == 0, command
    assert "Would have fired" in capsys.readouterr().out


def test_recipes_exist() -> None:
    """Every `make` recipe that README and CONTRIBUTING name is in the Makefile."""
    recipes = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    texts = TEXT + (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"\bmake ([a-z]+)\b(?= |`|$)", texts)) - {"and"} <= recipes


def test_the_yaml_and_the_python_example_are_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the Python block runs as it stands."""
    from streamkit.document.yaml_text import read_yaml

    document = read_yaml(re.search(r"```yaml\n(name:.*?)```", TEXT, re.DOTALL)[1])
    names: dict[str, object] = {}
    monkeypatch.chdir(ROOT)
    exec(re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1], names)  # noqa: S102 # our own text
    assert names["stream"] == streamkit.Stream.from_dict(document.plain())


def test_the_schema_example_is_valid() -> None:
    """All keys of the schema example are keys of `Schema`."""
    from streamkit.document.yaml_text import read_yaml

    block = re.search(r"```yaml\n(time:.*?)```", TEXT, re.DOTALL)[1]
    assert streamkit.Schema.from_dict(read_yaml(block).plain()).sequence == "event_order"


def test_the_top_level_is_what_was_agreed() -> None:
    """Nothing else lies beside these."""
    agreed = {
        "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "README.md", "constraints.txt",
        "data", "notebooks", "pyproject.toml", "streamkit", "tests",
    }  # fmt: skip
    made = {"out", "build", "dist"}
    names = {path.name for path in Path(ROOT).iterdir() if not path.name.startswith(".")}
    assert names - made == agreed
