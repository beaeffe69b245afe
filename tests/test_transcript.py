"""The transcript never holds up the chat, and says what it lost."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import select
from threading import Event, Thread

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.hall import ThreadsClock
from tests.processes import PATIENCE
from twisted_chat.limits import GOODBYE, TRANSCRIPT_LUMP, TRANSCRIPT_WAITING
from twisted_chat.transcript import (
    BareTranscript,
    File,
    LogTranscript,
    NoTranscript,
    OutputError,
    StandardOutput,
)


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
        with capturedLogs() as logs:
            for _ in range(10):
                self.transcript.write(b"x" * TRANSCRIPT_LUMP + b"\n")
            self.successResultOf(self.transcript.stop())
        self.assertEqual(len(logs), 10)

    def test_none_keeps_nothing(self) -> None:
        transcript = NoTranscript()
        transcript.start()
        transcript.write(b"x\n")
        self.successResultOf(transcript.stop())


def test_a_file_is_the_owner_s_alone_and_is_appended_to(tmp_path):
    path = tmp_path / "transcript"
    File(str(path)).write(b"one\n")
    File(str(path)).write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_moved_or_removed_is_opened_again(tmp_path):
    path, moved = tmp_path / "transcript", tmp_path / "transcript.1"
    file = File(str(path))
    file.write(b"one\n")
    path.rename(moved)
    file.write(b"two\n")
    assert (moved.read_bytes(), path.read_bytes()) == (b"one\n", b"two\n")
    path.write_bytes(b"")  # truncated in place: goes on at its end
    file.write(b"three\n")
    path.unlink()
    path.write_bytes(b"")
    file.write(b"four\n")
    assert path.read_bytes() == b"four\n"


def test_a_fifo_that_nobody_reads_is_an_error_and_not_a_wait(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with pytest.raises(OSError, match="No such device"):
        File(str(path))


def test_a_pipe_with_a_high_descriptor_that_is_read_late_gets_all():
    reader, writer = os.pipe()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2048)), hard))
    try:
        output = StandardOutput()
        output._fd = fcntl.fcntl(writer, fcntl.F_DUPFD, 1024)
        os.set_blocking(writer, False)
        data = b"x" * 1_000_000
        thread = Thread(target=output.write, args=(data,), daemon=True)
        thread.start()
        with open(reader, "rb", closefd=False) as file:
            assert file.read(len(data)) == data
        thread.join(PATIENCE)
        assert not thread.is_alive()
        os.close(output._fd)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(reader)
        os.close(writer)


def test_a_fifo_that_is_read_late_gets_all(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = File(str(path))
    lines = b"x" * 999_999 + b"\n"
    writing = Thread(target=file.write, args=[lines])
    writing.start()
    got = b""
    while len(got) < len(lines):
        select.select([reader], [], [], PATIENCE)
        got += os.read(reader, 1_000_000)
    writing.join(PATIENCE)
    os.close(reader)
    assert got == lines


def test_what_could_not_be_written_is_told(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = File(str(path))
    lines = b"x" * 999_999 + b"\n"
    failures = []

    def write():
        try:
            file.write(lines)
        except OutputError as error:
            failures.append(error)

    writing = Thread(target=write)
    writing.start()
    select.select([reader], [], [], PATIENCE)
    os.close(reader)
    writing.join(PATIENCE)
    file.close()
    [error] = failures
    assert str(error) == f"{path}: Broken pipe"
    assert len(error.rest) < len(lines)
    assert lines.endswith(error.rest)
