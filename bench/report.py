"""Writes the results as Markdown tables and as raw figures."""

from __future__ import annotations

import json
import os
import platform
import re
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.loads import LOADS, Figures, Load

OURS = "chat"
WEB = "chat-web"
FLOOR = "floor-join"


@dataclass(frozen=True)
class Bar:
    """The bound for our figure, or for its ratio to that of `against` in the same run."""

    load: str
    against: str | None
    bound: float
    ours: str = OURS
    figure: str = ""
    """Which figure of the load is compared; empty: the one that counts."""


BARS = [
    Bar("one-100", FLOOR, 1.15),
    *(
        Bar(load, against, bound)
        for load in ("pipelined-100", "pipelined-1000")
        for against, bound in ((FLOOR, 0.9), ("redis", 1.2), ("nats", 4.0))
    ),
    Bar("all-500", FLOOR, 0.7),
    Bar("open-100", FLOOR, 1.5),
    Bar("open-1000", FLOOR, 1.5),
    Bar("idle-10000", None, 2.8),
    *(
        bar
        for readers in (100, 1000)
        for bar in (
            Bar(f"one-{readers}", OURS, 1.25, ours=WEB),
            Bar(f"one-{readers}", "websockets", 1.3, ours=WEB, figure="rate"),
            Bar(f"one-{readers}", "ws", 1.15, ours=WEB, figure="rate"),
            Bar(f"pipelined-{readers}", "chat-long", 0.7 if readers == 100 else 0.9, ours=WEB),
            Bar(f"pipelined-{readers}", "websockets", 5, ours=WEB),
            Bar(f"pipelined-{readers}", "ws", 5, ours=WEB),
        )
    ),
    Bar("idle-10000", None, 8, ours=WEB),
]


@dataclass
class Results:
    """All that was measured, by the names of load and server."""

    machine: dict[str, str]
    rounds: int
    seconds: int
    titles: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    """What heads the table of each server; empty: the servers for lines."""
    remarks: dict[str, str] = field(default_factory=dict)
    medians: dict[tuple[str, str], Figures] = field(default_factory=dict)
    runs: dict[tuple[str, str], list[Figures]] = field(default_factory=dict)
    notes: dict[tuple[str, str], str] = field(default_factory=dict)

    def figure(self, load: Load, server: str) -> float | None:
        figures = self.medians.get((load.name, server))
        return None if figures is None else figures[load.figure] * load.scale

    def each(self, load: Load, server: str, figure: str = "") -> list[float]:
        """Return `figure` of each round, or if that is empty, the figure that counts."""
        runs = self.runs.get((load.name, server), [])
        if figure:
            return [figures[figure] for figures in runs]
        return [figures[load.figure] * load.scale for figures in runs]

    def measured(self) -> list[Load]:
        names = {load for load, _ in self.medians}
        return [load for load in LOADS if load.name in names]

    def save(self, folder: Path) -> None:
        raw = {
            "machine": self.machine,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "servers": self.titles,
            "runs": {f"{load} {server}": runs for (load, server), runs in self.runs.items()},
            "notes": {f"{load} {server}": note for (load, server), note in self.notes.items()},
        }
        (folder / "results.json").write_text(json.dumps(raw, indent=1) + "\n")


def machine() -> dict[str, str]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return {
        "CPU": model[1] if model else platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "Twisted": version("twisted"),
        "date": date.today().isoformat(),
    }


def number(value: float) -> str:
    """Return `value` with three significant digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def shown(load: Load, figures: Figures) -> str:
    """Return one measurement as a text, for the progress."""
    text = f"{number(figures[load.figure] * load.scale)} {load.unit}"
    if "generator" in figures:
        text += f" (server {figures['server']:.0%}, generator {figures['generator']:.0%})"
    return text + (" DISTURBED" if load.disturbed(figures) else "")


def write(results: Results, folder: Path) -> str:
    """Write results.json and results.md. Return the part that README.md shows."""
    results.save(folder)
    about = ", ".join(
        value if name in ("CPU", "kernel", "date") else f"{name} {value}"
        for name, value in results.machine.items()
        if name != "cores"
    ).replace(", ", f", {results.machine['cores']} cores, ", 1)
    figures = "\n\n".join(
        [
            f"{about}. Medians of {results.rounds} rounds of {results.seconds} s "
            "each; one core for the server, one for the load generator.",
            _figures(results),
            *([bars] if (bars := _bars(results)) else []),
        ]
    )
    parts = ["# Results", figures, "![the same as a picture](results.svg)", _details(results)]
    if notes := _notes(results):
        parts.append(notes)
    (folder / "results.md").write_text("\n\n".join(parts) + "\n")
    return figures


def put_into(page: Path, figures: str) -> None:
    """Replace what stands between the markers in `page`, if it has them."""
    text = page.read_text()
    start, end = "<!-- bench -->\n", "<!-- /bench -->"
    if start in text and end in text:
        before, rest = text.split(start, 1)
        after = rest.split(end, 1)[1]
        picture = "![the same as a picture](results.svg)"
        page.write_text(f"{before}{start}{figures}\n\n{picture}\n{end}{after}")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table. All columns but the first hold numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def _figures(results: Results) -> str:
    """Return a table for each group of servers."""
    tables = []
    for group in dict.fromkeys(results.groups.values()):
        names = [name for name in results.titles if results.groups[name] == group]
        rows = []
        for load in results.measured():
            medians = [results.medians.get((load.name, name)) for name in names]
            if any(medians):
                cells = [_cell(load, figures, bool(group)) for figures in medians]
                rows.append([f"{load.title}: {load.unit}", *cells])
        lead = f"**{group}**, with the bytes that each delivery has:\n\n" if group else ""
        if rows:
            tables.append(lead + table(["load", *(results.titles[name] for name in names)], rows))
    return "\n\n".join(tables)


def _cell(load: Load, figures: Figures | None, with_bytes: bool) -> str:
    if figures is None:
        return "-"
    value = number(figures[load.figure] * load.scale)
    return f"{value} ({figures['bytes']:.0f} B)" if with_bytes and "bytes" in figures else value


def _bars(results: Results) -> str:
    loads = {load.name: load for load in LOADS}
    rows = []
    for bar in BARS:
        load = loads[bar.load]
        ours = results.each(load, bar.ours, bar.figure)
        others = results.each(load, bar.against, bar.figure) if bar.against else []
        theirs = others if bar.against else [1.0] * len(ours)
        if not ours or not theirs:
            continue
        # The ratio of each round, because what else goes on in the machine changes with time.
        ratio = median(mine / other for mine, other in zip(ours, theirs, strict=True))
        more_is_better = load.more_is_better or bar.figure == "rate"
        reached = ratio >= bar.bound if more_is_better else ratio <= bar.bound
        sign = "≥" if more_is_better else "≤"
        value = f"{ratio:.2f} x" if bar.against else f"{number(ratio)} {load.unit}"
        bound = f"{sign} {bar.bound:g}"
        if bar.against:
            bound += f" x {results.titles[bar.against]}"
        unit = "deliveries/s" if bar.figure == "rate" else load.unit
        group = f"{results.groups[bar.ours]}, " if results.groups[bar.ours] else ""
        row = [f"{group}{load.title}: {unit}", bound, value]
        rows.append([*row, "reached" if reached else "**missed**"])
    return table(["ours", "bar", "is", ""], rows) if rows else ""


def _details(results: Results) -> str:
    rows = []
    for load in results.measured():
        for name, title in results.titles.items():
            figures = results.medians.get((load.name, name))
            if figures is None or "rate" not in figures:
                continue
            cells = [
                f"{figures['rate']:,.0f}",
                f"{figures['cpu_us']:.3f}",
                *(number(figures[key]) if key in figures else "" for key in LATENCIES),
                f"{figures['server']:.0%}",
                f"{figures['generator']:.0%}",
                f"{figures['waited']:.0%}",
            ]
            rows.append([load.title, title, *cells])
    head = ["load", "server", "deliveries/s", "CPU µs each", "p50 ms", "p99 ms", "max ms"]
    about = (
        "How long the server and the load generator had their cores, and how long they waited "
        "because other processes had them."
    )
    return f"## Details\n\n{about}\n\n" + table(
        [*head, "server's core", "generator's", "others'"], rows
    )


LATENCIES = ("p50_ms", "p99_ms", "max_ms")


def _notes(results: Results) -> str:
    titles = {load.name: load.title for load in LOADS}
    lines = [f"- {results.titles[name]}: {text}." for name, text in results.remarks.items()]
    lines += [
        f"- {results.titles[server]}, {titles[load]}: not measured, {note}."
        for (load, server), note in results.notes.items()
        if note
    ]
    return "## Notes\n\n" + "\n".join(lines) if lines else ""
