"""`make bench`: what an answer costs, as ratios inside one run.

Each workload runs in a process of its own; its sides take turns, and ratios are of the same turn.
`--huge` adds 200 million events, `--soak` a live run over 10 million (some ten minutes), `--only`
chooses workloads by a part of their name.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.bench.workloads import WORKLOADS, Goal

OUT = Path("out") / "bench"
RUNS = 5
HUGE = 200_000_000
SOAK = 10_000_000
MOST_GIGABYTES = 4
MEMORY = ("sparse stream", "dense stream", "25 streams")
"""Workloads whose memory is measured as well, in a process that does nothing else."""


def main() -> None:
    """Measure each workload, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--huge", type=int, nargs="?", const=HUGE, help="events of the large part")
    parser.add_argument("--soak", type=int, nargs="?", const=SOAK, help="events of a live run")
    parser.add_argument("--only", default="", help="a part of the names of what is measured")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "events": asked.events,
        "runs": asked.runs,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "rows": [],
        "measured": {},
    }

    def show(rows: list[dict[str, Any]]) -> None:
        report["rows"] += rows
        for row in rows:
            print(line(row), flush=True)
        (asked.out / "bench.json").write_text(json.dumps(report, indent=2) + "\n")

    print("| workload | goal | measured | ratio | of processor time |\n|---|---|---|---|---|")
    for name, workload in WORKLOADS.items():
        if asked.only in name:
            found = measure(name, asked.out, asked.events, asked.runs)
            report["measured"][name] = found
            show([compared(name, goal, found) for goal in workload.goals])
            if name in MEMORY:
                alone = measure(name, asked.out, asked.events, 1, "backtest")
                show([memory(f"{name}, memory", alone)])
    for name, figures in FIGURES.items():
        if asked.only in name:
            show(figures())
    if asked.soak:
        show(soak(asked.soak))
    if asked.huge:
        for name in MEMORY[:2]:
            show(huge(name, asked.out, asked.events, asked.huge))


def measure(
    name: str, out: Path, events: int, runs: int, only: str | None = None
) -> dict[str, Any]:
    """A workload in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.workloads",
        name,
        str(out),
        str(events),
        str(runs),
    ]
    done = subprocess.run(
        [*command, *([only] if only else [])], stdout=subprocess.PIPE, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def compared(name: str, goal: Goal, found: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: one side against another, in the median of the runs."""

    def ratio(clock: str) -> float:
        pairs = zip(found[clock][goal.side], found[clock][goal.per], strict=True)
        return statistics.median(one / other for one, other in pairs)

    seconds = {side: statistics.median(found["wall"][side]) for side in (goal.side, goal.per)}
    return {
        "workload": name,
        "goal": f"{goal.side} ≤ {goal.most:g} × {goal.per}",
        "measured": f"{seconds[goal.side]:.2f} s, {seconds[goal.per]:.2f} s",
        "ratio": ratio("wall"),
        "processor_ratio": ratio("cpu"),
        "reached": ratio("wall") <= goal.most,
    }


def memory(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """A row that tells what a backtest took at its peak."""
    gigabytes = found["peak_megabytes"] / 1024
    return {
        "workload": name,
        "goal": f"< {MOST_GIGABYTES} GB",
        "measured": f"{gigabytes:.2f} GB",
        "ratio": gigabytes / MOST_GIGABYTES,
        "reached": gigabytes < MOST_GIGABYTES,
    }


def huge(name: str, out: Path, events: int, many: int) -> list[dict[str, Any]]:
    """Rows for the large history: time an event against the small one, and memory."""
    alone = [measure(name, out, count, 1, "backtest") for count in (events, many, events)]
    small = statistics.mean(alone[place]["wall"]["backtest"][0] for place in (0, 2)) / events
    large = alone[1]["wall"]["backtest"][0] / many
    spent = [found["cpu"]["backtest"][0] for found in alone]
    return [
        {
            "workload": f"{name}, {many / 1e6:.0f} million events",
            "goal": "time an event ≤ 1.25 × of the small history",
            "measured": f"{large * 1e6:.3f} µs, {small * 1e6:.3f} µs",
            "ratio": large / small,
            "processor_ratio": 2 * spent[1] / many / ((spent[0] + spent[2]) / events),
            "reached": large / small <= 1.25,
        },
        memory(f"{name}, {many / 1e6:.0f} million events, memory", alone[1]),
    ]


def rate(name: str, goal: float, measured: float, unit: str) -> dict[str, Any]:
    """A row for something that shall be at least so much."""
    return {
        "workload": name,
        "goal": f"≥ {goal:,g} {unit}",
        "measured": f"{measured:,.4g} {unit}",
        "ratio": measured / goal,
        "reached": measured >= goal,
    }


def live() -> list[dict[str, Any]]:
    """The live matcher, one core."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.running.measure"], capture_output=True, text=True, check=True
    )
    speeds = {
        int(count): float(speed.replace(",", ""))
        for count, speed in re.findall(r"(\d+) streams: +([\d,]+) events/s", done.stdout)
    }
    taken = re.findall(r"three streams([^:]*): ([\d,]+) bytes in memory", done.stdout)
    return [
        rate("live matcher, one stream", 400_000, speeds[1], "events/s"),
        rate("live matcher, 25 streams", 150_000, speeds[25], "events/s"),
        *(
            {
                "workload": f"live session of three streams{which}",
                "goal": "< 1,024 bytes",
                "measured": f"{size} bytes",
                "ratio": int(size.replace(",", "")) / 1024,
                "reached": int(size.replace(",", "")) < 1024,
            }
            for which, size in taken
        ),
    ]


def render() -> list[dict[str, Any]]:
    """Bodies a second."""
    figures = import_module("tests.payload.measure").render_figures()
    return [rate("render", 50_000, min(figures.values()), "bodies/s")]


def send() -> list[dict[str, Any]]:
    """Deliveries a second, of what a bare client does."""
    figures = import_module("tests.delivery.measure").send_figures()
    return [rate("send", 0.7, figures["ratio"], "of a bare httpx loop")]


def builder() -> list[dict[str, Any]]:
    """From a key press to what the page shows of it."""
    figures = import_module("tests.notebook.measure").builder_figures()
    names = {"key_to_sentence": "sentence, median", "key_to_slowest_sentence": "slowest sentence",
             "key_to_preview": "preview of the shipped history"}  # fmt: skip
    return [
        {
            "workload": f"builder, key press to {name}",
            "goal": "none set",
            "measured": f"{figures[figure]:.0f} ms",
            "ratio": None,
            "reached": True,
        }
        for figure, name in names.items()
        if figure in figures
    ]


def soak(events: int) -> list[dict[str, Any]]:
    """A live run with a state file over many events: memory stays what it was after warm-up."""
    figures = import_module("tests.running.measure").live_figures(events)
    warm, *later = figures["memory"][2:]
    return [
        {
            "workload": f"live run with a state file, {events / 1e6:g} million events, memory",
            "goal": "flat after warm-up: ≤ 1.1 ×",
            "measured": f"{max(later) / 2**20:.0f} MB, {warm / 2**20:.0f} MB,"
            f" {figures['events_per_second']:,} events/s",
            "ratio": max(later) / warm,
            "reached": max(later) <= 1.1 * warm,
        }
    ]


FIGURES: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "live matcher": live,
    "render": render,
    "send": send,
    "builder": builder,
}


def line(row: dict[str, Any]) -> str:
    """A row of the table, in Markdown."""
    spent = f"{row['processor_ratio']:.2f} ×" if "processor_ratio" in row else ""
    mark = "" if row["reached"] else " (not reached)"
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f} ×{mark}"
    return f"| {row['workload']} | {row['goal']} | {row['measured']} | {ratio} | {spent} |"


if __name__ == "__main__":
    main()
