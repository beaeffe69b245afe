"""Every limit, with its unit and its reason."""

MAX_LINE = 4096
"""Bytes of one line as received, without LF and one CR: the default of --max-line."""

MIN_MAX_LINE = 64
"""Bytes: with less than this no usual sentence passes."""

MAX_MAX_LINE = 1024 * 1024
"""Bytes: a line is held in memory until its end, once for each connection."""

BACKLOG = 1024 * 1024
"""Bytes that may wait for one member; who lets more wait is put out."""

GOODBYE = 5.0
"""Seconds that a closing connection gets to take what still waits for it, then it is aborted."""

HEAR_OUT = 1.0
"""Seconds that a stopping daemon goes on reading what peers had sent before."""

TURN = 256 * 1024
"""Characters said in one turn; with more it is flushed early, so that no copy of it grows large."""

COMBINING_MARKS = 8
"""Marks kept on one base character: no living script stacks more."""

MOTD_LINES = 50
"""Lines of the message of the day."""

NOTICE_WIDTH = 400
"""Characters of one line of a list, such as the answer to /who: it wraps well on a terminal."""

SHOWN_NAME = 24
"""Characters of an unknown command that its refusal repeats."""

TRANSCRIPT_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for a transcript's file or pipe; past it lines are lost, and counted."""

LISTEN_BACKLOG = 1024
"""Connections that the kernel holds until they are accepted: a class joins in one second."""

CLIENT_LINE = 64 * 1024
"""Bytes of one line from a server that the client shows; the rest is cut."""

GREETING_WAIT = 3.0
"""Seconds that the client holds its input back until the server has greeted."""

CLIENT_EVENTS = 1000
"""Events that wait in a session for their reader; with more, the connection is not read."""
