"""`python -m bench`: measure, then write results.md, results.svg and results.json."""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import report
from bench.loads import LOADS, Figures, Load, NoFigure, measure
from bench.servers import HERE, Server, compile_into, servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of one second")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, of which the median counts")
    parser.add_argument("--seconds", type=int, default=3, help="measured seconds of each load")
    parser.add_argument("--only", default="", metavar="LOAD,...", help="such as one,pipelined-100")
    parser.add_argument("--servers", default="", metavar="NAME,...", help="such as chat,floor-join")
    parser.add_argument("--readme", action="store_true", help="put them into README.md here")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = arguments.seconds = 1

    names = set(filter(None, arguments.only.split(",")))
    chosen = set(filter(None, arguments.servers.split(",")))
    loads = [load for load in LOADS if not names or names & {load.name, load.family}]
    all_servers = [server for server in servers() if not chosen or server.name in chosen]
    if unknown := names - {name for load in loads for name in (load.name, load.family)}:
        parser.error(f"no load {', '.join(unknown)}: {', '.join(load.name for load in LOADS)}")
    if unknown := chosen - {server.name for server in all_servers}:
        known = ", ".join(server.name for server in servers())
        parser.error(f"no server {', '.join(unknown)}: {known}")

    # Both sides of 10,000 connections, and what they have open anyway.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Also then the children are to be killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    results = report.Results(report.machine(), arguments.rounds, arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        compile_into(Path(folder))
        for load in loads:
            run(results, load, all_servers, arguments.rounds, arguments.seconds, Path(folder))
            results.save(HERE)
    table = report.write(results, HERE)
    if arguments.readme:
        report.put_into(HERE / "README.md", table)
    print(f"\n{table}")


def run(
    results: report.Results,
    load: Load,
    all_servers: list[Server],
    rounds: int,
    seconds: int,
    folder: Path,
) -> None:
    """Measure all servers under one load. Round by round, so that noise hits all alike."""
    runs: dict[str, list[Figures]] = {}
    for number in range(1, rounds + 1):
        for server in all_servers:
            if server.name not in results.titles:
                title = server.title.format(version=server.version_text())
                results.titles[server.name] = " ".join(title.split())  # There may be no version.
                if server.remark:
                    results.remarks[server.name] = server.remark
            if (load.name, server.name) in results.notes:
                continue
            about = f"{load.name}, round {number} of {rounds}, {server.name}"
            try:
                if not server.found():
                    raise NoFigure("not installed")
                figures = measure(load, server, seconds, folder)
            except NoFigure as error:
                results.notes[load.name, server.name] = str(error)
                runs.pop(server.name, None)
                if str(error):
                    print(f"{about}: {error}", flush=True)
                continue
            runs.setdefault(server.name, []).append(figures)
            print(f"{about}: {report.shown(load, figures)}", flush=True)
    for name, measured in runs.items():
        results.runs[load.name, name] = measured
        results.medians[load.name, name] = {
            key: median(figures[key] for figures in measured) for key in measured[0]
        }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
