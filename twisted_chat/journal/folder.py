"""The folder in which one daemon keeps what must outlast it."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import suppress

from twisted.logger import Logger

from twisted_chat.files import exposure, tighten

_log = Logger(namespace="chat")

_OURS = ("chat.db", "audit.log", "control.sock", "lock")
"""The names of our files begin with these, also when a file was set aside or rotated."""

_HINTS = {
    errno.ENOENT: "make its parent folder first",
    errno.ENOTDIR: "name a folder",
    errno.EISDIR: "move that folder away, a file is to be there",
    errno.EACCES: "give this user the right to it, or choose another folder",
    errno.EROFS: "choose another folder",
    errno.ENOSPC: "make room, or choose another folder",
    errno.EDQUOT: "make room, or choose another folder",
}


class StateError(Exception):
    """The state folder cannot be used. The text says in one line why, and what to do."""


def explain(path: str, error: OSError) -> StateError:
    """Return what to say of `error`, which came of using `path`."""
    return complain(path, error.strerror or str(error), _HINTS.get(error.errno or 0))


def complain(path: str, what: str, hint: str | None) -> StateError:
    """Return what to say if `what` is wrong with `path`. `hint`: what to do, if that is known."""
    return StateError(f"{path}: {what}: {hint or 'mend that, or choose another folder'}")


class StateFolder:
    """A folder that no other daemon can take while this process, or a fork of it, lives."""

    def __init__(self, path: str, lock: int) -> None:
        """Only `open` calls this."""
        self._lock = lock
        self.path = path
        """An absolute path: a daemon changes its directory."""
        self.database = os.path.join(path, "chat.db")
        self.audit = os.path.join(path, "audit.log")
        self.control = os.path.join(path, "control.sock")

    @classmethod
    def open(cls, path: str) -> StateFolder:
        """Take the folder `path`, made for its owner alone if it is missing. Raises StateError."""
        path = os.path.abspath(path)
        try:
            with suppress(FileExistsError):
                os.mkdir(path, 0o700)
            mode = os.stat(path).st_mode
            if stat.S_ISDIR(mode) and mode & (stat.S_IWGRP | stat.S_IWOTH):
                raise StateError(f"{path}: others may write to it: chmod go-w {path}")
            name = os.path.join(path, "lock")
            make_file(name)
            if not os.access(path, os.W_OK | os.X_OK):
                is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
                code = errno.EROFS if is_read_only else errno.EACCES
                raise OSError(code, os.strerror(code))
        except OSError as error:
            raise explain(path, error) from error
        try:
            lock = os.open(name, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise explain(name, error) from error
        try:
            # The open file holds the lock: a fork takes it along, and any end of the process frees
            # it.
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            if isinstance(error, BlockingIOError):
                raise StateError(
                    f"{path} is in use by another daemon: stop it, or choose another folder"
                ) from error
            raise explain(name, error) from error
        _tighten_all(path)
        return cls(path, lock)

    def close(self) -> None:
        """Let other daemons take the folder. Call this once."""
        os.close(self._lock)


def _tighten_all(path: str) -> None:
    """Let nobody but its owner read or write our files in the folder `path`, nor the folder itself
    if only our files are in it. Log which of them were open to others.
    """
    with suppress(OSError):  # The code that needs a file complains if it cannot be opened.
        names = sorted(os.listdir(path))
        ours = [os.path.join(path, name) for name in names if name.startswith(_OURS)]
        owner = os.stat(path).st_uid
        if len(ours) == len(names):
            _tighten(path, owner)
        for each in ours:
            _tighten(each, owner)


def _tighten(path: str, owner: int) -> None:
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(file)
            if status.st_uid == owner:
                if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
                    tighten(file, path, _warn)
            # The folder's owner could link to files of others, and root would change those.
            elif what := exposure(status.st_mode):
                _warn(f"{path}: {what}, and it is not the folder owner's: it stays as it is")
        finally:
            os.close(file)


def _warn(text: str) -> None:
    _log.warn("{text}", text=text)


def make_file(path: str) -> None:
    """Make the file `path` for its owner alone if it is missing. Raises OSError."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        if os.geteuid() == 0:
            # Root may become the folder's owner later: `twistd --uid`.
            folder = os.stat(os.path.dirname(path))
            os.fchown(file, folder.st_uid, folder.st_gid)
    finally:
        os.close(file)
