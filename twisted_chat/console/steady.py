"""Characters of disputed width in the edited line, where the cursor must be in the right place.

A letter gets as many columns as on the terminal that draws it widest: a private code point stands
for it until it is written. Other characters of disputed width are shown as U+FFFD.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any

import regex
from prompt_toolkit.formatted_text import fragment_list_to_text
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.output.vt100 import Vt100_Output

from twisted_chat.console.widths import CLUSTER, is_disputed, most_columns
from twisted_chat.text import REPLACEMENT

# Mostly vowel signs of India's scripts and Burmese, with their letters. Fillers are invisible.
_LETTER = regex.compile(r"(?!\p{DI})[\p{L}\p{M}]")

# Plane 15 of Unicode is for private use. Private characters that people type are shown as U+FFFD.
_STAND_INS = range(0xF0001, 0xFFFFE)
_REST = "\U000f0000"
"""Stands for each column of a cluster except the first."""


class SteadyOutput(Vt100_Output):
    """A terminal that draws each character of the editor as wide as the editor expects."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._stand_ins: dict[str, str] = {}
        self._drawn = {_REST: "\x1b[C"}

    def drawn(self, text: str) -> str:
        """Return what the editor must show for `text`."""
        return "".join(map(self.steady, CLUSTER.findall(text)))

    def steady(self, cluster: str) -> str:
        """Return what the editor must show for `cluster`."""
        if not is_disputed(cluster):
            return cluster
        if not _LETTER.match(cluster):
            return REPLACEMENT
        columns = most_columns(cluster)
        if cluster not in self._stand_ins:
            if len(self._stand_ins) == len(_STAND_INS):
                return REPLACEMENT
            stand_in = chr(_STAND_INS[len(self._stand_ins)])
            self._stand_ins[cluster] = stand_in
            # Clear its columns and go back, draw it and go back, then go one column on.
            self._drawn[stand_in] = f"\x1b7{' ' * columns}\x1b8\x1b7{cluster}\x1b8\x1b[C"
        return self._stand_ins[cluster] + _REST * (columns - 1)

    def write(self, data: str) -> None:
        # The editor writes one character at a time.
        drawn = self._drawn.get(data)
        if drawn is None:
            super().write(data)
        else:
            self.write_raw(drawn)


class Steady(Processor):
    """Shows each character of a line in a width that is certain."""

    def __init__(self, output: SteadyOutput) -> None:
        self._output = output

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        text = fragment_list_to_text(fragments)
        clusters = CLUSTER.findall(text)
        if text.isascii() or not any(map(is_disputed, clusters)):
            return Transformation(fragments)
        shown = [self._output.steady(cluster) for cluster in clusters]
        typed_ends = [*accumulate(map(len, clusters), initial=0)]
        shown_ends = [*accumulate(map(len, shown), initial=0)]
        return Transformation(
            [("", "".join(shown))],
            lambda place: shown_ends[bisect_right(typed_ends, place) - 1],
            lambda place: typed_ends[bisect_right(shown_ends, place) - 1],
        )
