"""The face of chat-client on a terminal: lines that arrive are shown above the typed line."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from signal import SIGWINCH
from typing import TextIO, cast

from prompt_toolkit.data_structures import Size
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_chat.console.colours import Fragments, coloured, highlighted
from twisted_chat.console.completion import ChatCompleter, Names
from twisted_chat.console.editor import Editor
from twisted_chat.console.face import TOO_LONG, Face, User, Valve, clock_lead
from twisted_chat.console.inherited import IConsoleReactor, InheritedOutput
from twisted_chat.console.modes import Attributes, TerminalModes
from twisted_chat.console.options import Options
from twisted_chat.console.secret_lines import lacks_passphrase, masked
from twisted_chat.console.shown import Shown
from twisted_chat.console.steady import SteadyOutput
from twisted_chat.console.wrapping import in_rows
from twisted_chat.descriptors import open_anew
from twisted_chat.events import LOBBY, Event, Refused
from twisted_chat.limits import MAX_MAX_LINE, STOPPING
from twisted_chat.text import clean

# Written before and after each piece that is shown: if a terminal draws a row wider than all known
# terminals do, its rest must not go on in the first column.
_NO_WRAP = ("[ZeroWidthEscape]", "\x1b[?7l")
_WRAP = ("[ZeroWidthEscape]", "\x1b[?7h")

_LAST = b"\x1b[?2004l\x1b[?25h\x1b[?7h\r\n"
"""Undoes prompt_toolkit's modes: pastes are not marked, the cursor is visible, rows wrap."""


def install_reactor() -> asyncio.AbstractEventLoop:
    """Make Twisted run on asyncio, as prompt_toolkit does. Return the loop of both."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)
    return loop


class Terminal(Face):
    """Standard input and output on a terminal. Lines that arrive never get into the typed line."""

    interactive = True
    runs_commands = True

    def __init__(
        self, reactor: IConsoleReactor, loop: asyncio.AbstractEventLoop, options: Options
    ) -> None:
        self._reactor = reactor
        self._loop = loop
        self._timed = bool(options["time"])
        self._rings = options["bell"] == "on"
        # https://no-color.org
        self._has_colours = not os.environ.get("NO_COLOR")
        self._names = Names()
        self._to_show: list[Fragments] = []
        self._shown = Shown()
        self._size = screen_size()
        self._bell_due = False
        self._flush_due = False
        self._held = True
        self._waiting: deque[tuple[str, bool]] = deque()
        """Lines that are held back, each with whether it was pasted and is said as it stands."""
        self._waiting_size = 0
        self._answered: Deferred[str | None] | None = None
        self._end_due = False
        self._before_exit = ""
        self._over = False
        self._stopping = False

    def start(self, user: User) -> None:
        self._user = user
        self._echoes_keys = _echoes_keys()
        self._screen = InheritedOutput(self._reactor, 1, user.output_closed)
        self._screen.registerProducer(Valve(user, "output"), True)
        self._output = SteadyOutput(
            cast(TextIO, ScreenText(self._screen)),
            screen_size,
            term=os.environ.get("TERM"),
            default_color_depth=None if self._has_colours else ColorDepth.DEPTH_1_BIT,
            enable_bell=self._rings,
            # Answers to CPR may come late or not at all, and get into what is typed.
            enable_cpr=False,
        )
        self._modes = TerminalModes(
            make_raw,
            lambda: self._reactor.callFromThread(self._suspend, os.getpid()),
            lambda: self._screen.writeSomeData(_LAST),
        )
        self._keyboard = Keyboard(self._modes)
        self._editor = Editor(
            self._keyboard,
            self._output,
            ChatCompleter(self._names, user.call_roll, self._output.drawn),
            self._entered,
            self._pasted,
            self.tell,
            self._interrupted,
            self._ended,
            lambda: self._suspend(0),
        )
        self._style = Style([])
        self._stopped = Deferred.fromFuture(
            asyncio.ensure_future(self._edit(), loop=self._loop)
        ).addErrback(self._editor_ended)

    async def _edit(self) -> None:
        def begin() -> None:
            if self._stopping:
                self._editor.app.exit()
            else:
                # After the editor has set its own handler, which cannot break lines anew.
                self._loop.call_soon(self._loop.add_signal_handler, SIGWINCH, self._fit)

        await self._editor.app.run_async(
            pre_run=begin, set_exception_handler=False, handle_sigint=False
        )

    def _editor_ended(self, failure: Failure) -> None:
        if failure.check(EOFError):
            self._user.input_ended()
        else:
            self._failed(failure)

    # Showing.

    def show(self, lines: Sequence[str], event: Event) -> None:
        self._names.heard(event)
        own = self._user.name
        lead: Fragments = [("", clock_lead())] if self._timed else []
        for line in lines:
            fragments = coloured(line, event, own) if self._has_colours else [("", line)]
            self._put([*lead, *highlighted(fragments, event, own)])

    def tell(self, line: str) -> None:
        self.show([line], Refused(line))

    def enter_room(self, room: str) -> None:
        self._editor.prompt = "" if room == LOBBY else self._output.drawn(f"#{room} ")
        self._editor.app.invalidate()

    def show_exit(self) -> None:
        self._over = True
        self._put([("", f"{self._before_exit}exit")])

    def ring(self) -> None:
        self._bell_due = self._rings
        self._flush_soon()

    def last_word(self, line: str) -> str:
        if not os.isatty(2):
            return line
        return "".join(text for _, text in in_rows([("", line)], screen_size().columns))

    def _put(self, line: Fragments) -> None:
        self._flush_soon()
        self._to_show.append(line)

    def _flush_soon(self) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Show all that came in this turn of the reactor above the typed line."""
        self._flush_due = False
        self._fit()
        lines, self._to_show = self._to_show, []
        if lines:
            self._editor.app.renderer.erase()
            self._print(
                [each for line in lines for each in self._shown.add(line, self._size.columns)]
            )
        if self._bell_due:
            self._bell_due = False
            self._output.bell()
            self._output.flush()

    def _fit(self) -> None:
        """Draw everything anew if the window has another size."""
        size = screen_size()
        if size == self._size:
            return
        columns, self._size = self._size.columns, size
        if size.columns == columns:
            self._editor.app.renderer.erase()
            self._editor.app.invalidate()
            return
        rows, shown = self._shown.again(size.columns, size.rows)
        rows += self._editor.rows_above_cursor(size.columns)
        self._output.write_raw("\r")
        self._output.cursor_up(rows)
        # Do not erase from the first cell on: tmux would keep the torn rows in its history.
        self._output.write(" ")
        self._output.erase_down()
        self._output.write_raw("\r")
        self._editor.app.renderer.reset()
        self._print(shown)

    def _print(self, shown: Fragments) -> None:
        """Show `shown` where the cursor stands, and the typed line below."""
        print_formatted_text(self._output, FormattedText([_NO_WRAP, *shown, _WRAP]), self._style)
        self._editor.app.invalidate()

    # Typing.

    def _entered(self, line: str) -> None:
        line = _characters(line)
        if self._answered is not None:
            self._answer(line)
        elif not line or self._over:
            return
        elif _is_too_long(line):
            self.tell(TOO_LONG)
        else:
            self._put([("", clean(masked(line).encode()))])
            if lacks_passphrase(line):
                # At once: the next line is a passphrase and must not be said.
                self._complete(line)
            else:
                self._hand_over(line)

    def _pasted(self, texts: list[str]) -> None:
        """Say each of `texts`. A text is shown only once it is said, so that it never looks like a
        command.
        """
        texts = list(filter(None, map(_characters, texts)))
        if self._over or not texts:
            return
        if self._is_full():
            self.tell(f"! the server takes no lines just now: {_pasted_lines(len(texts))} not sent")
            return
        for text in texts:
            if _is_too_long(text):
                self.tell(TOO_LONG)
            else:
                self._wait(text, is_pasted=True)
        self._hand_over_all()

    def _ask(self, question: str, secret: bool) -> Deferred[str | None]:
        self._editor.ask(question, secret)
        self._answered = Deferred()
        return self._answered

    def _answer(self, answer: str | None) -> None:
        answered, self._answered = self._answered, None
        assert answered is not None
        secret = self._editor.hides_answer
        question = self._editor.stop_asking()
        shown = "" if secret or not answer else clean(answer.encode())
        self._put([("", question + shown)])
        answered.callback(answer)

    def _interrupted(self) -> None:
        if self._answered is not None:
            self._answer(None)
            return
        typed = self._editor.clear()
        if self._echoes_keys:
            self._before_exit = f"{clean(typed.encode())}^C"
        self._user.interrupt()

    def _ended(self) -> None:
        if self._answered is not None:
            self._answer(None)
        else:
            self._end_due = True
            self._hand_over_all()

    def _suspend(self, whom: int) -> None:
        """Give the terminal back until the process is continued. `whom`: see TerminalModes.stop."""
        self._editor.app.renderer.erase()
        self._screen.drain(STOPPING)
        self._modes.stop(whom)
        # The rows above belong to another program by now.
        self._shown = Shown()
        self._size = screen_size()
        self._editor.app.invalidate()

    def _hand_over(self, line: str) -> None:
        if self._is_full():
            self.tell("! the server takes no lines just now: this one was not sent")
        else:
            self._wait(line, is_pasted=False)
            self._hand_over_all()

    def _is_full(self) -> bool:
        """Return whether more waits for the server than may be kept in memory."""
        return self._held and self._waiting_size > MAX_MAX_LINE

    def _wait(self, line: str, is_pasted: bool) -> None:
        self._waiting.append((line, is_pasted))
        self._waiting_size += len(line)

    def _hand_over_all(self) -> None:
        unsent = 0
        while self._waiting and not self._held:
            line, is_pasted = self._waiting.popleft()
            self._waiting_size -= len(line)
            if not is_pasted:
                self._user.typed(line)
            elif not self._user.say(line):
                unsent += 1
        if unsent:
            self.tell(f"! not connected: {_pasted_lines(unsent)} not sent")
        if self._end_due and not self._waiting:
            self._end_due = False
            self._user.input_ended()

    def pause(self) -> None:
        self._held = True

    def resume(self) -> None:
        self._held = False
        self._hand_over_all()

    # The end.

    def close(self) -> Deferred[object]:
        self._flush()
        self._stopping = True
        if self._editor.app.is_running and not self._editor.app.is_done:
            self._editor.app.exit()
        return self._stopped.addBoth(self._close_screen)

    def _close_screen(self, result: object) -> Deferred[None]:
        self._flush()
        self._keyboard.close()
        return self._screen.finish()


class Keyboard(Vt100Input):
    """Reads standard input key by key, while the terminal's modes are taken."""

    def __init__(self, modes: TerminalModes) -> None:
        own = open_anew(0, os.O_RDONLY)
        # If it cannot be opened anew, a read blocks only if another program got the key first.
        self._own = None if own is None else os.fdopen(own, encoding=sys.stdin.encoding)
        super().__init__(self._own or sys.stdin)
        self._modes = modes

    def close(self) -> None:
        if self._own is not None:
            self._own.close()

    @contextmanager
    def raw_mode(self) -> Iterator[None]:
        self._modes.take()
        try:
            yield
        finally:
            self._modes.give_back()


def make_raw(attributes: Attributes) -> None:
    """Let the terminal pass on each key as it is, without echo."""
    attributes[0] &= ~(termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR)
    attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG)
    attributes[6][termios.VMIN] = 1
    attributes[6][termios.VTIME] = 0


class ScreenText:
    """The screen as the file that prompt_toolkit writes to."""

    def __init__(self, screen: InheritedOutput) -> None:
        self._screen = screen

    def write(self, text: str) -> None:
        self._screen.write(text.encode("utf-8", "replace"))

    def flush(self) -> None:
        """Do nothing: the reactor writes as soon as it can."""


def _characters(line: str) -> str:
    """Return `line`, as prompt_toolkit read it, with U+FFFD for each byte that is not UTF-8."""
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _is_too_long(line: str) -> bool:
    return len(line.encode()) > MAX_MAX_LINE


def _pasted_lines(count: int) -> str:
    return "a pasted line was" if count == 1 else f"{count} pasted lines were"


def screen_size() -> Size:
    """Return the size of the terminal; 24 rows of 80 columns if it does not know its size."""
    try:
        columns, rows = os.get_terminal_size(1)
    except OSError:
        columns = rows = 0
    return Size(rows or 24, columns or 80)


def _echoes_keys() -> bool:
    """Return whether the terminal shows ^C when it is typed."""
    flags = termios.tcgetattr(0)[3]
    return bool(flags & termios.ECHO and flags & termios.ECHOCTL)
