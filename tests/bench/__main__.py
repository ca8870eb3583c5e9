"""`make bench`: what an answer costs, as a ratio to bare scans of the same events in the same run.

Each workload runs in a process of its own, so that peak memory is its own too; scans and answers
take turns, so that a machine that slows down slows both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path

from streamkit.sample import generate
from tests.bench.workloads import WORKLOADS

OUT = Path("out") / "bench"
RUNS = 3


def main() -> None:
    """Make the history if need be, measure each workload, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--events", type=int, default=20_000_000)
    parser.add_argument("--runs", type=int, default=RUNS)
    arguments = parser.parse_args()
    folder = OUT / f"events_{arguments.events}"
    if not folder.exists():
        print(f"making {arguments.events:,} events in {folder} …", flush=True)
        generate(folder, events=arguments.events, days=30, profile="bench")
    measured = []
    for name in WORKLOADS:
        runs = [measure(name, folder) for _ in range(arguments.runs + 1)][1:]
        measured.append(
            {
                "workload": name,
                "seconds": statistics.median(run["seconds"] for run in runs),
                "scan_seconds": statistics.median(run["scan_seconds"] for run in runs),
                "ratio": statistics.median(run["seconds"] / run["scan_seconds"] for run in runs),
                "peak_megabytes": max(run["peak_megabytes"] for run in runs),
                "matches": runs[0]["matches"],
                "touching_share": runs[0]["touching_share"],
            }
        )
        print(line(measured[-1]), flush=True)
    report = {
        "events": arguments.events,
        "runs": arguments.runs,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "measured": measured,
    }
    (OUT / "bench.json").write_text(json.dumps(report, indent=2) + "\n")


def measure(name: str, folder: Path) -> dict[str, float]:
    """One run of a workload, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.workloads", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def line(row: dict[str, float]) -> str:
    """A row of the table, in Markdown."""
    return (
        f"| {row['workload']} | {row['touching_share']:.0%} | {row['matches']:,}"
        f" | {row['scan_seconds']:.2f} s | {row['seconds']:.2f} s | {row['ratio']:.1f} ×"
        f" | {row['peak_megabytes']:,.0f} MB |"
    )


if __name__ == "__main__":
    main()
