"""The loads, and how one server is measured under one of them."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.servers import GENERATOR_CORE, Server, ServerFailed, on_core, running

Figures = dict[str, float]

WAITED = {"closed": 0.05, "rooms": 0.05, "open": 0.01, "storm": 0.05, "idle": 1.0}
"""The part of the measured time, by mode, for which server and generator may wait for their cores.
If other processes had the cores for longer, it is measured again. The p99 feels that most.
"""

TRIES = 5
"""How often a disturbed measurement is tried at most. The least disturbed one counts."""


@dataclass(frozen=True)
class Load:
    """What the load generator is to do, and which of its figures counts."""

    name: str
    title: str
    mode: str
    readers: int
    lines: int
    """Lines in flight (closed, rooms), or lines a second (open)."""
    figure: str
    unit: str
    scale: float = 1.0
    """What turns the generator's figure into one in `unit`."""
    more_is_better: bool = False
    all_speak: bool = False
    rooms: int = 0
    """Number of rooms, each with an author and its share of the readers; 0: one room for all. For
    servers without rooms they are channels or subjects.
    """
    limit: float = 30.0
    """Seconds for joining, on top of twice the measured time."""

    @property
    def family(self) -> str:
        return self.name.split("-")[0]

    def disturbed(self, figures: Figures) -> bool:
        return figures["waited"] > WAITED[self.mode]


def _rate(name: str, title: str, readers: int, lines: int, all_speak: bool = False) -> Load:
    return Load(
        *(name, title, "closed", readers, lines, "rate", "M deliveries/s", 1e-6, True, all_speak)
    )


LOADS = [
    Load("one-100", "1 line at a time, 100 readers", "closed", 100, 1, "cpu_us", "CPU µs each"),
    Load("one-1000", "1 line at a time, 1,000 readers", "closed", 1000, 1, "cpu_us", "CPU µs each"),
    _rate("pipelined-100", "32 lines in flight, 100 readers", 100, 32),
    _rate("pipelined-1000", "32 lines in flight, 1,000 readers", 1000, 32),
    Load("open-100", "500 lines/s, 100 readers", "open", 100, 500, "p99_ms", "ms p99"),
    Load("open-1000", "50 lines/s, 1,000 readers", "open", 1000, 50, "p99_ms", "ms p99"),
    _rate("all-500", "500 who all speak, 500 lines in flight", 500, 500, all_speak=True),
    replace(
        _rate("rooms-1000", "1,000 rooms of 10, 1,000 lines in flight", 9000, 1000),
        mode="rooms",
        rooms=1000,
        limit=90,
    ),
    Load("idle-10000", "10,000 idle connections", "idle", 10000, 0, "kib", "KiB each", limit=90),
    Load("storm-5000", "5,000 join at once", "storm", 5000, 0, "seconds", "s", limit=120),
]


class NoFigure(Exception):
    """There is no figure. The text says why, for a note; it may be empty."""


def measure(
    load: Load, server: Server, seconds: int, folder: Path, most_tries: int = TRIES
) -> Figures:
    """Start `server`, put `load` on it and return the figures. Raises NoFigure."""
    if reason := server.cannot.get(load.name) or server.cannot.get(load.family):
        raise NoFigure(reason)
    if load.mode == "storm" and server.protocol != "chat":
        raise NoFigure("")
    generator = folder / ("load-tls" if server.is_tls else "load")
    if not generator.exists():
        raise NoFigure("the headers of OpenSSL are missing (libssl-dev)")
    tries: list[Figures] = []
    while len(tries) < most_tries and (not tries or load.disturbed(tries[-1])):
        try:
            with running(server, folder) as (pid, port):
                tries.append(_generate(load, server, seconds, generator, pid, port))
        except ServerFailed as error:
            raise NoFigure(str(error)) from error
    return min(tries, key=lambda figures: figures["waited"])


def _generate(
    load: Load, server: Server, seconds: int, generator: Path, pid: int, port: int
) -> Figures:
    readers, authors = load.readers, 1
    if load.mode in ("idle", "storm"):
        authors = 0
    elif load.rooms:
        authors = load.rooms
    elif load.all_speak:
        # Authors are the readers too, but for Redis, whose publishers hear nothing.
        readers, authors = (readers if server.protocol == "redis" else 0), readers
    before = _private_kib(pid)
    process = subprocess.Popen(
        [
            *(str(generator), str(pid), str(port), server.protocol, load.mode),
            *map(str, (readers, authors, load.lines, seconds, server.payload)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: on_core(GENERATOR_CORE),
    )
    limit = load.limit + 2 * seconds
    end = time.monotonic() + limit
    try:
        if load.mode == "idle":
            kib = _idle_kib(process, pid, readers, end) - before
            return {"kib": kib / readers, "waited": 0.0}
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise NoFigure(f"not done after {limit:.0f} s") from None
    finally:
        process.kill()
        process.communicate()
    if process.returncode:
        raise NoFigure(errors.strip() or f"the generator ended with {process.returncode}")
    figures: Figures = json.loads(output)
    if figures["lost"]:
        raise NoFigure(f"{figures['lost']:,.0f} deliveries did not come")
    return figures


def _idle_kib(process: subprocess.Popen[str], pid: int, connections: int, end: float) -> int:
    """Return the server's memory when it has accepted all connections and all are quiet."""
    assert process.stdout is not None
    assert process.stderr is not None
    if not select.select([process.stdout], [], [], end - time.monotonic())[0]:
        raise subprocess.TimeoutExpired("load", 0)
    if not process.stdout.readline():
        raise NoFigure(process.stderr.read().strip())
    while len(os.listdir(f"/proc/{pid}/fd")) < connections:
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired("load", 0)
        time.sleep(0.1)  # Nothing tells when another process opens a descriptor.
    return _private_kib(pid)


def _private_kib(pid: int) -> int:
    """Return the memory that belongs to the process alone, so without shared libraries."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+)", rollup, re.M))
