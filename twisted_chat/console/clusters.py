"""Edits a text by Unicode's grapheme clusters: what a person sees as one character."""

from __future__ import annotations

from prompt_toolkit.buffer import Buffer

from twisted_chat.console.widths import CLUSTER


class ClusterBuffer(Buffer):
    """A text whose cursor never stands inside of a cluster. Deleting takes whole clusters."""

    @property
    def cursor_position(self) -> int:
        return super().cursor_position

    @cursor_position.setter
    def cursor_position(self, value: int) -> None:
        start, end = _around(self.text, value)
        place = start if value < self.cursor_position else end
        Buffer.cursor_position.fset(self, place)  # type: ignore[attr-defined]

    def insert_text(
        self, data: str, overwrite: bool = False, move_cursor: bool = True, fire_event: bool = True
    ) -> None:
        super().insert_text(data, overwrite, move_cursor, fire_event)
        self._leave_cluster()

    def delete_before_cursor(self, count: int = 1) -> str:
        start, _ = _around(self.text, self.cursor_position - count)
        deleted = super().delete_before_cursor(self.cursor_position - start)
        self._leave_cluster()
        return deleted

    def delete(self, count: int = 1) -> str:
        _, end = _around(self.text, self.cursor_position + count)
        deleted = super().delete(end - self.cursor_position)
        self._leave_cluster()
        return deleted

    def swap_characters_before_cursor(self) -> None:
        before = CLUSTER.findall(self.document.text_before_cursor)
        if len(before) >= 2:
            *others, last, this = before
            self.text = "".join([*others, this, last, self.document.text_after_cursor])
            self._leave_cluster()

    def _leave_cluster(self) -> None:
        # The characters before and behind the cursor may have become one cluster.
        self.cursor_position = self.cursor_position


def _around(text: str, position: int) -> tuple[int, int]:
    """Return the start and end of the cluster of `text` that `position` is inside of. If it is
    between two clusters, both are `position`, at least 0.
    """
    if not text.isascii():
        for match in CLUSTER.finditer(text):
            if position <= match.end():
                if match.start() < position < match.end():
                    return match.span()
                break
    return max(0, position), max(0, position)
