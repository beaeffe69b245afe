"""Measure the servers, and write results.md, results.svg and results.json.

With --against, measure our server and that of another checkout in pairs, and write nothing.
"""

from __future__ import annotations

import argparse
import resource
import signal
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench import picture, report
from bench.compare import checkout, compare
from bench.loads import LOADS, TRIES, Figures, Load, NoFigure, measure
from bench.servers import HERE, Server, compile_into, servers


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="measure one round of one second")
    parser.add_argument(
        "--rounds",
        type=int,
        help="number of rounds (3), of which the median counts, or of pairs (15)",
    )
    parser.add_argument(
        "--seconds", type=int, help="seconds for which each load is measured (3; in pairs 1)"
    )
    parser.add_argument(
        "--tries",
        type=int,
        default=TRIES,
        help="how often at most a disturbed measurement is tried",
    )
    parser.add_argument(
        "--only",
        default="",
        metavar="LOAD,...",
        help="measure only these loads, such as one,pipelined-100",
    )
    parser.add_argument(
        "--servers",
        default="",
        metavar="NAME,...",
        help="measure only these servers, such as chat,floor-join",
    )
    parser.add_argument(
        "--into", type=Path, default=HERE, metavar="FOLDER", help="write the results to FOLDER"
    )
    parser.add_argument(
        "--readme", action="store_true", help="put the results into bench/README.md"
    )
    parser.add_argument(
        "--against",
        type=checkout,
        metavar="CHECKOUT",
        help="compare with our server in CHECKOUT, in pairs",
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = arguments.seconds = 1
    in_pairs = arguments.against is not None
    rounds = arguments.rounds or (15 if in_pairs else 3)
    seconds = arguments.seconds or (1 if in_pairs else 3)

    names = set(filter(None, arguments.only.split(",")))
    chosen = set(filter(None, arguments.servers.split(",")))
    loads = [load for load in LOADS if not names or names & {load.name, load.family}]
    all_servers = [server for server in servers() if not chosen or server.name in chosen]
    if unknown := names - {name for load in loads for name in (load.name, load.family)}:
        parser.error(f"no load {', '.join(unknown)}: {', '.join(load.name for load in LOADS)}")
    if unknown := chosen - {server.name for server in all_servers}:
        known = ", ".join(server.name for server in servers())
        parser.error(f"no server {', '.join(unknown)}: {known}")

    if in_pairs and (rounds < 2 or arguments.readme):
        parser.error("--against wants at least two --rounds, and has no figures for --readme")

    # For both sides of 10,000 connections, and for what else is open.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # SystemExit, so that the children are killed then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        compile_into(folder)
        if in_pairs:
            table = compare(loads, arguments.against, rounds, seconds, arguments.tries, folder)
        else:
            results = report.Results(report.machine(), rounds, seconds)
            for load in loads:
                run(results, load, all_servers, arguments.tries, folder)
                results.save(arguments.into)
            table = report.write(results, arguments.into)
            picture.draw(results, arguments.into / "results.svg")
    if arguments.readme:
        report.put_into(HERE / "README.md", table)
    print(f"\n{table}")


def run(
    results: report.Results,
    load: Load,
    all_servers: list[Server],
    tries: int,
    folder: Path,
) -> None:
    """Measure all servers under one load, round by round: so noise hits them alike."""
    runs: dict[str, list[Figures]] = {}
    for number in range(1, results.rounds + 1):
        for server in all_servers:
            if server.name not in results.titles:
                title = server.title.format(version=server.version_text())
                results.titles[server.name] = " ".join(title.split())  # The version may be empty.
                results.groups[server.name] = server.group
                if server.remark:
                    results.remarks[server.name] = server.remark
            if (load.name, server.name) in results.notes:
                continue
            about = f"{load.name}, round {number} of {results.rounds}, {server.name}"
            try:
                if not server.found():
                    raise NoFigure("not installed")
                figures = measure(load, server, results.seconds, folder, tries)
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
