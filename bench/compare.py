"""Compares our server here with that of another checkout: how much slower is it at most?"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from math import exp, log, sqrt
from pathlib import Path
from statistics import fmean, stdev

from bench.loads import Figures, Load, NoFigure, measure
from bench.report import shown, table
from bench.servers import HERE, environment, ours

LOSS = 0.05
"""The most that the bound of the loss may be, as a part of 1."""

STUDENT = (
    *(6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895),
    *(1.860, 1.833, 1.812, 1.796, 1.782, 1.771, 1.761),
)
"""Student's t at 95 %, one-sided, from 1 degree of freedom on. More than 14 degrees use the last
value: that makes the bound a little too wide.
"""


def mean_and_bound(ratios: Sequence[float], more_is_better: bool) -> tuple[float, float]:
    """Return the geometric mean of `ratios` (this checkout to the other) and its bound.

    With a probability of 95 % the true ratio is no worse than the bound. There have to be at least
    two ratios.
    """
    logarithms = [log(ratio) for ratio in ratios]
    mean = fmean(logarithms)
    freedom = len(logarithms) - 1
    t = STUDENT[min(freedom, len(STUDENT)) - 1]
    error = t * stdev(logarithms) / sqrt(len(logarithms))
    return exp(mean), exp(mean - error if more_is_better else mean + error)


def checkout(path: str) -> Path:
    """Return `path` as a folder. Raises ValueError if it is no checkout of this project."""
    folder = Path(path).resolve()
    ran = subprocess.run(
        [sys.executable, "-c", "import twisted_chat; print(twisted_chat.__file__)"],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env=environment(folder),
    )
    if not Path(ran.stdout.strip()).is_relative_to(folder):
        raise ValueError(path)
    return folder


def compare(
    loads: Sequence[Load], other: Path, pairs: int, seconds: int, tries: int, folder: Path
) -> str:
    """Measure `pairs` interleaved pairs of each load. Return the ratios as a table.

    Pairs that other processes have disturbed are left out.
    """
    rows: list[list[str]] = []
    for load in loads:
        ratios: list[Figures] = []
        note = "too few pairs were undisturbed"
        try:
            for pair in range(1, pairs + 1):
                # They take turns to begin: the first one may warm up something for the second.
                order = (other, HERE.parent) if pair % 2 else (HERE.parent, other)
                both = {one: measure(load, ours(one), seconds, folder, tries) for one in order}
                this, that = both[HERE.parent], both[other]
                about = f"{load.name}, pair {pair} of {pairs}"
                print(f"{about}: {shown(load, this)} against {shown(load, that)}", flush=True)
                if not load.disturbed(this) and not load.disturbed(that):
                    ratios.append({key: this[key] / that[key] for key in _keys(load, this)})
        except NoFigure as error:
            note = str(error)
        rows += _rows(load, ratios) if len(ratios) > 1 else [[load.title, *"----", note]]
    head = [f"against {other}", "pairs", "mean", "95 % bound", "loss there", f"≤ {LOSS:.0%}"]
    return f"Pairs of {seconds} s each.\n\n{table(head, rows)}"


def _keys(load: Load, figures: Figures) -> list[str]:
    """Return the keys of the load's figure, and of the CPU time, which others disturb less."""
    return [load.figure, *({"cpu_us"} & figures.keys() - {load.figure})]


def _rows(load: Load, ratios: list[Figures]) -> list[list[str]]:
    rows = []
    for key in ratios[0]:
        counts = key == load.figure
        unit, more_is_better = (
            (load.unit, load.more_is_better) if counts else ("CPU µs each", False)
        )
        mean, bound = mean_and_bound([ratio[key] for ratio in ratios], more_is_better)
        loss = 1 - bound if more_is_better else bound - 1
        row = [f"{load.title}: {unit}", str(len(ratios)), f"{mean:.3f} x", f"{bound:.3f} x"]
        rows.append([*row, f"{loss:.1%}", "reached" if loss <= LOSS else "**missed**"])
    return rows
