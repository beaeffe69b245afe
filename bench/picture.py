"""Draws the results."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from bench.report import OURS, Results, number


def draw(results: Results, path: Path) -> None:
    """Write the results as an SVG picture to `path`, unless nothing was measured."""
    loads = results.measured()
    if not loads:
        return
    columns = min(3, len(loads))
    rows = -(-len(loads) // columns)
    # The same figures give the same file.
    matplotlib.rcParams["svg.hashsalt"] = "twisted-chat"
    figure = Figure(figsize=(5.5 * columns, 3 * rows), layout="constrained")
    for place, load in enumerate(loads, 1):
        axes = figure.add_subplot(rows, columns, place)
        bars = [
            (results.titles[name], value, "tab:blue" if name == OURS else "silver")
            for name in results.titles
            if (value := results.figure(load, name)) is not None
        ][::-1]
        names, values, colours = zip(*bars, strict=True)
        drawn = axes.barh(names, values, color=colours)
        axes.bar_label(drawn, [number(value) for value in values], padding=2, fontsize=8)
        axes.set_title(load.title, fontsize=10)
        better = "more" if load.more_is_better else "less"
        axes.set_xlabel(f"{load.unit} ({better} is better)", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.margins(x=0.15)
        # All bars have one height, however many servers are in the picture.
        axes.set_ylim(len(bars) - len(results.titles) - 0.5, len(bars) - 0.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
