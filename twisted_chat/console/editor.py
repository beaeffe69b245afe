"""The line that is being typed on a terminal: its keys, its history, its questions."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.clipboard import InMemoryClipboard
from prompt_toolkit.completion import Completer
from prompt_toolkit.document import Document
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import History
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    Dimension,
    DynamicContainer,
    Float,
    FloatContainer,
    Layout,
    Window,
)
from prompt_toolkit.layout.processors import (
    BeforeInput,
    ConditionalProcessor,
    Processor,
    Transformation,
    TransformationInput,
)

from twisted_chat.console.clusters import ClusterBuffer
from twisted_chat.console.pasting import ONE_ANSWER, lines_of, split_paste
from twisted_chat.console.secret_lines import masked, may_be_secret
from twisted_chat.console.shown import rows_of
from twisted_chat.console.steady import Steady, SteadyOutput
from twisted_chat.limits import CLIENT_HISTORY, CLIENT_MENU


class Editor:
    """A line at the bottom of the terminal, without a prompt.

    `entered` gets each line at Enter; `pasted` the texts that a paste says; `refused` a line that
    says why a part of a paste was not taken. `interrupted` is called at ^C, `ended` at ^D,
    `suspended` at ^Z.
    """

    def __init__(
        self,
        input: Vt100Input,
        output: SteadyOutput,
        completer: Completer,
        entered: Callable[[str], None],
        pasted: Callable[[list[str]], None],
        refused: Callable[[str], None],
        interrupted: Callable[[], None],
        ended: Callable[[], None],
        suspended: Callable[[], None],
    ) -> None:
        self._entered = entered
        self._pasted = pasted
        self._refused = refused
        self._interrupted = interrupted
        self._ended = ended
        self._suspended = suspended
        self._ends_with: str | None = None
        self._question: str | None = None
        self.prompt = ""
        """What stands before the line, as it is drawn."""
        self.hides_answer = False
        self._line = ClusterBuffer(
            completer=completer, history=Typed(), accept_handler=self._accept, multiline=False
        )
        self._answer = ClusterBuffer(
            history=Nothing(), accept_handler=self._accept, multiline=False
        )
        self._line_window = Window(
            BufferControl(
                self._line,
                input_processors=[Mask(), Steady(output), BeforeInput(lambda: self.prompt)],
            ),
            height=self._line_height,
            wrap_lines=True,
            dont_extend_height=True,
        )
        hide = ConditionalProcessor(Hide(), Condition(lambda: self.hides_answer))
        self._answer_window = Window(
            BufferControl(
                self._answer,
                input_processors=[
                    hide,
                    Steady(output),
                    BeforeInput(lambda: self._question or ""),
                ],
            ),
            wrap_lines=True,
            dont_extend_height=True,
        )
        menu = CompletionsMenu(CLIENT_MENU, scroll_offset=1, extra_filter=Condition(self._offers))
        self.app: Application[None] = Application(
            Layout(
                FloatContainer(
                    DynamicContainer(self._window), [Float(menu, xcursor=True, ycursor=True)]
                )
            ),
            key_bindings=self._keys(),
            input=input,
            output=output,
            editing_mode=EditingMode.EMACS,
            include_default_pygments_style=False,
            erase_when_done=True,
            terminal_size_polling_interval=None,
        )

    @property
    def asks(self) -> bool:
        """Whether a question is open: the next line that is entered is its answer."""
        return self._question is not None

    def ask(self, question: str, hides_answer: bool) -> None:
        """Take the next line as the answer to `question`, without echo if `hides_answer`."""
        self._question = question
        self.hides_answer = hides_answer
        self._answer.reset()
        self.app.layout.focus(self._answer_window)

    def stop_asking(self) -> str:
        """Go back to the line. Return the question."""
        question, self._question = self._question, None
        self._answer.reset()
        # So that no deleted part of a passphrase can be inserted again.
        self.app.clipboard = InMemoryClipboard()
        self.app.layout.focus(self._line_window)
        return question or ""

    def clear(self) -> str:
        """Forget the typed text. Return it as it may be shown."""
        shown = masked(self._line.text)
        self._line.reset()
        return shown

    def rows_above_cursor(self, columns: int) -> int:
        """Return how many rows the drawn text takes above the cursor once the terminal has broken
        it anew into rows of `columns`.
        """
        screen = self.app.renderer.last_rendered_screen
        if screen is None:
            return 0
        cursor = screen.get_cursor_position(self.app.layout.current_window)
        rows = cursor.x // columns
        for y in range(cursor.y):
            cells = screen.data_buffer[y].items()
            used = max((x + cell.width for x, cell in cells if cell.char != " "), default=0)
            rows += rows_of(used, columns)
        return rows

    def _window(self) -> Window:
        return self._answer_window if self.asks else self._line_window

    def _line_height(self) -> Dimension:
        # If the line is at the bottom of the screen, the menu needs room below it.
        return Dimension(min=CLIENT_MENU + 1) if self._offers() else Dimension()

    def _offers(self) -> bool:
        """Return whether the menu has something to choose from."""
        state = self._line.complete_state
        return state is not None and len(state.completions) > 1

    def _accept(self, buffer: Buffer) -> bool:
        # Reset before handing over, so that lines shown meanwhile stand above an empty line.
        first, *others = buffer.text.split("\n")
        if buffer is self._line:
            buffer.append_to_history()
        buffer.reset()
        self._entered(first)
        if buffer is self._line:
            for line in others:
                self._entered(line)
        elif any(others):
            self._refused(ONE_ANSWER)
        return True

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("c-c")
        def interrupt(event: KeyPressEvent) -> None:
            self._interrupted()

        @keys.add("c-d")
        def end(event: KeyPressEvent) -> None:
            buffer = event.current_buffer
            if not buffer.text:
                self._ended()
            elif not buffer.document.is_cursor_at_the_end:
                buffer.delete()
            elif event.is_repeat and self._ends_with == buffer.text:
                # As without line editing: the first ^D enters the line, the second one ends.
                self._accept(buffer)
                self._ended()
            else:
                self._ends_with = buffer.text

        @keys.add("c-z")
        def suspend(event: KeyPressEvent) -> None:
            self._suspended()

        # Eager: otherwise a paste after ^Q would be inserted with its line ends, and its commands
        # be obeyed.
        @keys.add(Keys.BracketedPaste, eager=True)
        def paste(event: KeyPressEvent) -> None:
            event.app.quoted_insert = False
            if self.asks:
                self._answer_with_paste(event.data)
            else:
                self._take_paste(event.data)

        return keys

    def _answer_with_paste(self, paste: str) -> None:
        lines = lines_of(paste)
        self._answer.insert_text("\n".join(lines))
        if len(lines) > 1:
            self._accept(self._answer)

    def _take_paste(self, paste: str) -> None:
        document = self._line.document
        typed = document.text_before_cursor
        try:
            texts, rest = split_paste(typed, paste)
        except ValueError as error:
            self._refused(str(error))
            return
        if texts:
            self._line.reset(Document(rest + document.text_after_cursor, len(rest)))
            self._pasted(texts)
        else:
            self._line.insert_text(rest[len(typed) :])


class Mask(Processor):
    """Shows a passphrase in a command as asterisks."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        lines = masked(transformation_input.document.text).split("\n")
        return Transformation([("", lines[transformation_input.lineno])])


class Hide(Processor):
    """Shows nothing."""

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        return Transformation([], source_to_display=_start, display_to_source=_start)


def _start(position: int) -> int:
    return 0


class Typed(History):
    """The lines that were typed, except those with passphrases."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[str] = deque(maxlen=CLIENT_HISTORY)

    async def load(self) -> AsyncGenerator[str, None]:
        for line in self.load_history_strings():
            yield line

    def get_strings(self) -> list[str]:
        return list(self._lines)

    def append_string(self, string: str) -> None:
        if not may_be_secret(string):
            self._lines.append(string)

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._lines)

    def store_string(self, string: str) -> None:
        """Do nothing: lines are kept in memory only."""


class Nothing(Typed):
    """The history of answers, which is always empty."""

    def append_string(self, string: str) -> None:
        """Do nothing: answers are not kept."""
