"""The transcript never holds up the chat, and says what it lost."""

from __future__ import annotations

import errno
from threading import Event

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hall import ThreadsClock
from tests.support.processes import PATIENCE
from twisted_chat.daemon import transcript as transcripts
from twisted_chat.daemon.transcript import BareTranscript, LogTranscript, NoTranscript
from twisted_chat.limits import GOODBYE, TRANSCRIPT_WAITING


class Output:
    """Takes lines only while `open` is set, and none while `full`."""

    def __init__(self) -> None:
        self.lines = b""
        self.writes = 0
        self.open = Event()
        self.open.set()
        self.entered = Event()
        self.left = Event()
        self.full = False

    def write(self, lines: bytes) -> None:
        self.entered.set()
        assert self.open.wait(PATIENCE)
        if self.full:
            self.left.set()
            raise OSError(errno.ENOSPC, "full on purpose")
        self.lines += lines
        self.writes += 1

    def reopen(self) -> None:
        raise PermissionError(errno.EACCES, "refused on purpose")


class BareTranscriptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = ThreadsClock()
        self.output = Output()
        self.transcript = BareTranscript(self.output, self.clock)

    def finish(self) -> bytes:
        done = self.transcript.stop()
        self.transcript._thread.join(PATIENCE)
        self.clock.hear_all()
        self.successResultOf(done)
        return self.output.lines

    def test_all_lines_are_written_by_the_time_it_has_stopped(self) -> None:
        self.transcript.start()
        for number in range(1000):
            self.transcript.write(b"%d\n" % number)
        self.assertEqual(self.finish(), b"".join(b"%d\n" % number for number in range(1000)))

    def test_after_a_write_it_gathers_for_a_while_and_at_its_end_writes_the_rest(self) -> None:
        self.transcript = BareTranscript(self.output, self.clock, pause=3600)
        self.transcript.start()
        self.transcript.write(b"0\n")
        assert self.output.entered.wait(PATIENCE)
        for number in range(1, 1000):
            self.transcript.write(b"%d\n" % number)
        self.assertEqual(self.finish(), b"".join(b"%d\n" % number for number in range(1000)))
        self.assertEqual(self.output.writes, 2)

    def test_what_finds_no_room_is_counted_in_its_place(self) -> None:
        self.output.open.clear()
        self.transcript.start()
        self.transcript.write(b"first\n")
        assert self.output.entered.wait(PATIENCE)
        kept = b"x" * (TRANSCRIPT_WAITING - 7) + b"\n"
        self.transcript.write(kept)
        self.transcript.write(b"lost\nlost\n")
        self.transcript.write(b"\n")
        self.output.open.set()
        self.assertEqual(self.finish(), b"first\n" + kept + b"- lines lost here: 3\n")

    def test_what_cannot_be_written_is_counted_and_logged_once(self) -> None:
        self.output.full = True
        with capturedLogs() as logs:
            self.transcript.start()
            for _ in range(3):
                self.output.left.clear()
                self.transcript.write(b"lost\nlost\n")
                assert self.output.left.wait(PATIENCE)
            self.output.full = False
            self.transcript.write(b"kept\n")
            lines = self.finish()
        self.assertEqual(lines, b"- lines lost here: 6\nkept\n")
        self.assertEqual([log["log_level"] for log in logs], [LogLevel.error])

    def test_one_that_cannot_be_opened_again_loses_nothing_and_that_is_logged(self) -> None:
        self.transcript.write(b"one\n")
        self.transcript.reopen()
        with capturedLogs() as logs:
            self.transcript.start()
            lines = self.finish()
        self.assertEqual(lines, b"one\n")
        [log] = logs
        self.assertEqual(log["log_level"], LogLevel.error)
        self.assertEqual(formatEvent(log), "the transcript is not opened again: refused on purpose")

    def test_an_output_that_takes_nothing_does_not_keep_the_daemon_from_stopping(self) -> None:
        self.output.open.clear()
        self.transcript.start()
        self.transcript.write(b"stuck\n")
        done: Deferred[None] = self.transcript.stop()
        self.assertNoResult(done)
        with capturedLogs() as logs:
            self.clock.advance(GOODBYE)
        self.successResultOf(done)
        self.assertEqual(len(logs), 1)
        self.output.open.set()
        self.transcript._thread.join(PATIENCE)

    def test_it_can_be_stopped_without_having_been_started(self) -> None:
        self.successResultOf(self.transcript.stop())


class LogTranscriptTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.transcript = LogTranscript(self.clock)

    def test_its_lines_are_in_the_log_and_never_a_format(self) -> None:
        with capturedLogs() as logs:
            self.transcript.write("[a] {0} %s\n[b] 日本\n".encode())
        self.assertEqual([log["lines"] for log in logs], ["[a] {0} %s\n[b] 日本"])
        self.assertEqual({log["log_format"] for log in logs}, {"{lines}"})

    def test_it_logs_at_most_ten_times_a_second_and_at_the_end(self) -> None:
        with capturedLogs() as logs:
            for number in range(1000):
                self.transcript.write(b"%d\n" % number)
                self.clock.advance(0.001)
            self.successResultOf(self.transcript.stop())
        self.assertIn(len(logs), (10, 11, 12))
        lines = "\n".join(log["lines"] for log in logs)
        self.assertEqual(lines.split("\n"), [str(number) for number in range(1000)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_it_gathers_no_more_than_a_lump(self) -> None:
        self.patch(
            transcripts, "TRANSCRIPT_LUMP", 1000
        )  # trial's workers take no larger log lines.
        with capturedLogs() as logs:
            for _ in range(10):
                self.transcript.write(b"x" * 1000 + b"\n")
            self.successResultOf(self.transcript.stop())
        self.assertEqual(len(logs), 10)

    def test_none_keeps_nothing(self) -> None:
        transcript = NoTranscript()
        transcript.start()
        transcript.write(b"x\n")
        self.successResultOf(transcript.stop())
