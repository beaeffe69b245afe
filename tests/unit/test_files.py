"""Files that take whole lines, are for their owner alone, and outlast a rotation."""

from __future__ import annotations

import fcntl
import os
import resource
import select
from threading import Thread

import pytest

from tests.support.processes import PATIENCE
from twisted_chat.files import File, OutputError, StandardOutput, exposure

pytestmark = pytest.mark.usefixtures("private_files")


def never(text):
    raise AssertionError(f"warned: {text}")


def test_a_file_is_the_owner_s_alone_and_is_appended_to(tmp_path):
    path = tmp_path / "transcript"
    File(str(path), never).write(b"one\n")
    File(str(path), never).write(b"two\n")
    assert path.read_bytes() == b"one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_moved_or_removed_is_opened_again(tmp_path):
    path, moved = tmp_path / "transcript", tmp_path / "transcript.1"
    file = File(str(path), never)
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
        File(str(path), never)


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
    file = File(str(path), never)
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
    file = File(str(path), never)
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


@pytest.mark.parametrize(
    ("mode", "what"),
    [
        (0o600, ""),
        (0o640, ""),
        (0o644, "others can read it"),
        (0o604, "others can read it"),
        (0o602, "others can write to it"),
        (0o660, "its group can write to it"),
        (0o666, "others can read it"),
    ],
)
def test_a_file_that_others_can_use_after_a_rotation_is_tightened_and_loses_nothing(
    tmp_path, mode, what
):
    assert exposure(mode) == what
    path = tmp_path / "transcript"
    warnings = []
    file = File(str(path), warnings.append)
    file.write(b"one\n")
    path.rename(tmp_path / "transcript.1")
    path.touch()
    path.chmod(mode)
    file.write(b"two\n")
    file.write(b"three\n")
    assert path.read_bytes() == b"two\nthree\n"
    assert path.stat().st_mode & 0o777 == (0o600 if what else mode)
    could = what.replace("can", "could")
    warning = f"{path}: {could}: it is for its owner alone from here on"
    assert warnings == ([warning] if what else [])


@pytest.fixture
def others_own(monkeypatch):
    """No file's mode can be changed, as if each belonged to somebody else."""

    def fchmod(file, mode):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.fchmod", fchmod)


@pytest.mark.usefixtures("others_own")
def test_one_that_cannot_be_tightened_is_told_and_written_all_the_same(tmp_path):
    path = tmp_path / "transcript"
    path.touch(0o600)
    path.chmod(0o646)
    warnings = []
    File(str(path), warnings.append).write(b"one\n")
    assert path.read_bytes() == b"one\n"
    assert warnings == [
        f"{path}: others can read it, and it cannot be changed (Operation not permitted): "
        f"chmod go= {path}"
    ]


@pytest.mark.usefixtures("others_own")
def test_a_log_that_cannot_be_tightened_holds_the_warning_once(tmp_path):
    path = tmp_path / "log"
    log = File(str(path), lambda text: log.write(f"{text}\n".encode()))
    path.rename(tmp_path / "log.1")
    path.touch()
    path.chmod(0o646)
    log.reopen()
    log.write(b"one\n")
    warning, line = path.read_bytes().splitlines()
    assert warning.startswith(f"{path}: others can read it, and it cannot be changed".encode())
    assert line == b"one"


def test_a_device_is_taken_as_it_is():
    before = os.stat("/dev/null").st_mode
    File("/dev/null", never).write(b"one\n")
    assert os.stat("/dev/null").st_mode == before


def test_one_is_opened_again_when_it_is_told_to(tmp_path):
    path = tmp_path / "transcript"
    file = File(str(path), never)
    path.unlink()
    file.reopen()
    assert path.read_bytes() == b""
    file.write(b"one\n")
    assert path.read_bytes() == b"one\n"
