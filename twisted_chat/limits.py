"""Every limit, with its unit and its reason."""

from __future__ import annotations

from dataclasses import dataclass

MAX_LINE = 4096
"""Bytes of one line as received, without LF and one CR: the default of --max-line."""

MIN_MAX_LINE = 64
"""Bytes: with less, ordinary sentences are too long."""

MAX_MAX_LINE = 1024 * 1024
"""Bytes: a line is held in memory until its end, once for each connection."""

CR_PAUSE = 0.3
"""Seconds without a byte after a CR that make the CR a line end, on a connection that has had no
line end: longer than an LF lags behind its CR on a slow link, and too short for a person to notice.
"""

BACKLOG = 1024 * 1024
"""Bytes that may wait for one member: the default of --backlog. A member with more is put out."""

MIN_BACKLOG = 4 * 1024
"""Bytes: with less, one long line would put out a member whose buffers are full."""

MAX_BACKLOG = 1024 * 1024 * 1024
"""Bytes: so many may have to be held for each member."""

STALL = 30
"""Seconds that the oldest byte may wait for a member: the default of --stall."""

MAX_STALL = 60
"""Seconds: after them the kernel has given up a connection that takes nothing (VANISHED)."""

STALL_LOOK = 1.0
"""Seconds between two looks for members that stall."""

GATHER = 256
"""Pieces of a queue that are offered to the kernel in one call; it takes at most 1024 (IOV_MAX)."""

SCATTERED = 8 * 1024
"""Bytes of pieces from which they are handed to the kernel without joining: it is quicker to join
fewer bytes."""

NO_DESCRIPTOR = 0.05
"""Seconds until a full socket is tried again when no file descriptor is free to wait on it."""

VANISHED = 60
"""Seconds after which a peer that answers nothing is taken as gone: half of the two minutes that
are promised, because the kernel's timers are late."""

KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 30, 10, 3
"""Seconds of silence before the kernel asks whether the peer is there, seconds between two
questions, and how many questions may stay unanswered. Together they take VANISHED seconds."""

LINK_WAIT = 3.0
"""Seconds without an acknowledgement from the server's machine after which the client says that it
waits for the network. A packet that is lost now and then delays it by less than a second.
"""

LINK_LOOK = 1.0
"""Seconds between two looks whether the server's machine acknowledges what the client sent."""

RATE = 200
"""Tokens a second for each connection: the default of --rate. Nobody types so fast; a paste of
5,000 lines takes 20 s."""

BURST = 1000
"""Tokens at once: the default of --burst. Most pastes pass without delay."""

TOKEN = 256
"""Bytes of a line that one token pays for."""

ADDRESS_SHARE = 4
"""All connections of one address share the rates of so many connections."""

CHAT_SHARE = 32
"""All connections that paste share the rates of so many connections: by default 1.6 MB/s or
13 Mbit/s, which a reader that drains 16 Mbit/s can follow."""

TYPED_RATE, TYPED_BURST = 0.05, 0.1
"""The parts of its rate and its burst that a connection does not share with the chat: by default
10 lines a second and 100 at once, more than anybody types. With these parts alone, 20 members that
begin to paste together bring half a backlog to each reader."""

SHORTEST_PAUSE = 0.05
"""Seconds for which an overdrawn connection is not read, at least: to take some lines at a time is
cheaper than one by one, and nobody sees the difference."""

LONGEST_PAUSE = 60.0
"""Seconds for which an overdrawn connection is not read, at most."""

MAX_RATE = 1_000_000_000
"""Tokens: more cannot be told from no limit."""

MAX_USERS = 10_000
"""Members at once, or fewer if fewer files may be open: the default of --max-users."""

MAX_MAX_USERS = 1_000_000
"""Members: no machine has more descriptors for one process."""

MAX_PER_ADDRESS = 64
"""Connections of one address: the default of --max-per-address. Enough for a school class behind
one router."""

SPARE_DESCRIPTORS = 64
"""File descriptors kept free for listening, logs, files and peers that are being refused."""

REFUSED_AT_ONCE = 16
"""Refused connections that are heard out; further ones are closed at once."""

GOODBYE = 5.0
"""Seconds that a closing connection gets to take what waits for it; then it is aborted."""

STOPPING = 1.0
"""Seconds that the client waits at ^Z until the terminal has taken what is to be shown."""

HEAR_OUT = 1.0
"""Seconds for which a stopping daemon goes on to read what peers had sent before."""

STOP_WAIT = 3.0
"""Seconds that a stopping daemon waits for a ledger: with HEAR_OUT before and GOODBYE behind it, it
ends within the 10 s that containers are given.
"""

TURN = 256 * 1024
"""Bytes of one turn as its readers get them, JSON where one of them reads that; a larger turn is
flushed early, so that no copy of it grows large."""

HISTORY = 1000
"""Lines kept of each room: the default of --history. With fewer, people find it of little use."""

MAX_HISTORY = 100_000
"""Lines: more than anybody reads, and --history-bytes bounds them anyway."""

NUMBERS = 1 << 53
"""The number of an event, which ends its id, is below this: JSON can write it for any program."""

HISTORY_BYTES = 64 * 1024 * 1024
"""Bytes kept of all rooms together: the default of --history-bytes."""

MIN_HISTORY_BYTES = 64 * 1024
"""Bytes: with less there is no history."""

MAX_HISTORY_BYTES = 64 * 1024 * 1024 * 1024
"""Bytes: all of it is in memory."""

HISTORY_OVERHEAD = 333
"""Bytes of memory that a line takes besides its characters, at most. Measured by tracemalloc: 306
in ASCII, 333 in other scripts."""

HISTORY_SHARE = 1700
"""Bytes of memory that the lines of one address in one room take besides those, at most."""

REPLAY = 0
"""Lines of the lobby told again to each newcomer: the default of --replay. A script or a bridge
that does not expect them would take them for new ones."""

ANSWER_SHARE = 4
"""A long answer is at most this part of what may wait for a member (4: a quarter), so that no
answer puts its reader out."""

EMPTY_ROOM = 24 * 60 * 60
"""Seconds that an empty room's history, topic and rules are kept."""

MAX_ROOMS = 10_000
"""Rooms, with the empty ones whose history is kept: the default of --max-rooms."""

MAX_JOINED = 50
"""Rooms that one member is in at once: the default of --max-joined. A reader of 50 rooms costs a
turn some 12 ms where it is in all of them with a thousand others; people read far fewer.
"""

SPARE_ROOMS = 50
"""Rooms that somebody may name past --max-joined when it comes in; further ones are passed over."""

MAX_MAX_JOINED = 1000
"""Rooms: the most that --max-joined may be."""

TOKENS = 16
"""Tokens of one registered name: one for each script that reports into the chat."""

TOKEN_LABEL = 64
"""Characters of what an owner calls a token."""

DETACHED = 60
"""Seconds for which a member of the web door keeps its name and its rooms after its connection is
lost: a phone changes its network, or a page is loaded anew, in less."""

MAX_DETACHED = 60 * 60
"""Seconds for which a member without a connection may keep its name and its rooms."""

ROOMS_SHARE = 8
"""One address makes at most this part of the rooms (8: an eighth), so that eight addresses are
needed to take all."""

MAX_MAX_ROOMS = 1_000_000
"""Rooms: more than members."""

MAX_TOPIC = 300
"""Characters of a topic: four rows of a terminal, which every newcomer reads."""

SHOWN_HISTORY = 50
"""Lines that /history shows when it is not told how many: two screens."""

MAX_SLOW = 24 * 60 * 60
"""Seconds that /slow can ask for between two lines of a member, at most."""

IDLE = 60.0
"""Seconds without a line after which /who calls somebody idle."""

SHOWN_REGISTRATIONS = 10_000
"""Names that `chatctl names` lists: the daemon makes so many rows in 50 ms."""

SHOWN_ROOMS = 200
"""Rooms that /rooms lists, the fullest first."""

IGNORED = 100
"""Names that one member can ignore."""

MAX_SANCTIONS = 10_000
"""Bans in force, and as many mutes: all are held in memory, and they cost a delivery nothing."""

IPV6_SUBSCRIBER = 64
"""Bits of an IPv6 address that one subscriber's addresses have in common (RFC 6177)."""

REGISTRATIONS_A_DAY = 5
"""Names that can be registered from one address, one IPv6 /64, or by one user over a unix socket,
in 24 hours."""

RESET_LASTS = 24 * 60 * 60
"""Seconds for which the passphrase of `chatctl reset` is good: its owner needs so long to read of
it."""

WRONG_FROM = 3
"""Places with wrong passphrases for a name that its owner is told of: the last so many."""

LOGGED_A_MINUTE = 10
"""Lines that the log gets in a minute about what one address does with passphrases; the rest is
counted. A person does less, and a guesser cannot fill the disk."""

LOGGED_A_MINUTE_IN_ALL = 1000
"""The same for all addresses together: a guesser may have many. That is at most 150 MB a day."""

MAX_REGISTRATIONS = 1_000_000
"""Names: each takes about 1,100 bytes of memory."""

MIN_PASSPHRASE = 8
"""Characters of a passphrase at least (NIST SP 800-63B, 5.1.1.1)."""

HASHING_AT_ONCE = 2
"""Passphrases hashed at the same time: each takes 64 MiB and a core for 0.1 s (RFC 9106, 4)."""

HASHING_WAITING = 32
"""Passphrases that wait to be hashed: the last of them waits about 2 s. When more wait, an address
with a waiting passphrase gets no other in."""

HASHING_FIRST = 1024
"""Passphrases that wait, including the first one of each address, which is taken past
HASHING_WAITING too: a thousand addresses are needed to keep an owner from logging in. The last
waits about 50 s."""

HASHING_SHARE = 8
"""Passphrases from one address, or one IPv6 /64, that are hashed or wait for it: so no single
address keeps all others from logging in."""

FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds from a wrong passphrase to the next try for the same name from the same address: after
the first wrong one, and at most. They double with each wrong one."""

TRIES_WAITING = 4
"""Tries for one name from one address that may wait for their turn."""

FORGET_TRIES = 15 * 60.0
"""Seconds after the last try until the wrong ones are forgotten: it is slower to wait for that than
to go on trying."""

IN_FLIGHT = 64 * 1024
"""Bytes of what one member asked that may be on their way through a ledger. With more it is not
read: a ledger that is away would make the daemon hold all that is said meanwhile."""

NODES_GONE = 1000
"""Nodes whose last session is known to be closed: an entry of theirs may turn up late, but not when
as many others have come and gone."""

TICK_AGAIN = 1.0
"""Seconds at least between two requests of a node to let run out what is due."""

REQUEST_WAIT = 20.0
"""Seconds that a request over HTTP may take to come, all of it; and the first frame of a WebSocket.
"""

REQUEST_HEAD = 16 * 1024
"""Bytes of the head of a request: browsers send one or two thousand, and proxies add some hundred.
"""

HEAD_LINES = 100
"""Lines of the head of a request: browsers send about twenty."""

FRAME_ROOM = 16 * 1024
"""Bytes of a message of a WebSocket besides its text: fifty rooms with the ids of their last lines.
"""

UNASKED = 64 * 1024
"""Bytes that somebody may send who reads along over HTTP: it asks for nothing more."""

UNASKED_FRAMES = 1000
"""Frames that the peer of a WebSocket may send where nothing is charged: before its first message,
and after it was closed."""

PING = 45
"""Seconds between two pings of a WebSocket: proxies give up a connection that is idle for 60."""

PING_LOOK = 1.0
"""Seconds between two looks for WebSockets that are to be pinged, at least."""

CLOSE_WAIT = 1.0
"""Seconds that the peer of a WebSocket gets to answer that it is closed: most take a round trip."""

RESUME_BYTES = 64 * 1024 * 1024
"""Bytes of frames that are kept for members of the web door until they have read them: the default
of --resume-bytes. What many share counts for each of them."""

MIN_RESUME_BYTES = 64 * 1024
"""Bytes: with less, nobody can go on after a connection is lost."""

MAX_RESUME_BYTES = 64 * 1024 * 1024 * 1024
"""Bytes: all of it is in memory."""

UNREAD = 64 * 1024
"""Bytes of frames that are kept for a member that has not acknowledged any: one that never does
cannot go on after its connection is lost."""

CONTROL_CONNECTIONS = 16
"""Connections of chatctl at once, out of SPARE_DESCRIPTORS: scripts may start a few together."""

CONTROL_WAIT = 20.0
"""Seconds that chatctl has to send its request, which it does at once."""

CONTROL_BACKLOG = 64 * 1024 * 1024
"""Bytes that may wait for chatctl: `who` of 100,000 members, each with its record."""

STORE_PAUSE = 0.05
"""Seconds from one write of the state folder to the next, at least: half of the time whose lines
may be lost; the other half is for the disk."""

STORE_RETRY = 1.0
"""Seconds until a failed write is tried again, and for which another program may hold the lock."""

STORE_WAITING = 16 * 1024 * 1024
"""Bytes that may wait for the state folder; with more, the oldest lines are given up and counted.
"""

STORE_LUMP = 1024
"""Rows of one statement. With each statement the thread gives up the interpreter's lock, and the
chat may keep it for 5 ms; to hand over more rows would keep the chat waiting as long."""

STORE_CHECKPOINT = 1000
"""Pages of 4 KiB in the write-ahead log that are moved into the database at once: few enough to be
quick, and read again at a start after a kill."""

NAME_LENGTH = 24
"""Code points of a name: it fits on a line beside what is said."""

KEYS = 16_384
"""Names whose keys are cached: those of MAX_USERS members, and some that are only looked up."""

KEPT_LENGTH = 64
"""Code points of a text that is looked at as a name, before NFC, at most: nobody can have a longer
name, so a longer text is its own key.
"""

COMBINING_MARKS = 8
"""Marks kept on one base character: no living script stacks more."""

MOTD_LINES = 50
"""Lines of the message of the day."""

NOTICE_WIDTH = 400
"""Characters of one line of a list, such as the answer to /who: it wraps well on a terminal."""

SHOWN_NAMES = 5
"""Hosts of a server's certificate that an error names: some certificates have a hundred."""

SHOWN_NAME = 24
"""Characters of an unknown command that its refusal repeats."""

TRANSCRIPT_PAUSE = 0.1
"""Seconds for which the transcript gathers lines before they are written or logged."""

TRANSCRIPT_LUMP = 256 * 1024
"""Bytes that the log's transcript gathers at most: to format them takes several times as much
memory."""

TRANSCRIPT_WAITING = 4 * 1024 * 1024
"""Bytes that may wait for a transcript's file or pipe; further lines are lost and counted."""

TERMINAL_LOOK = 1.0
"""Seconds after a SIGHUP until the daemon looks again whether its terminal is gone: the system may
send the signal a moment before it takes the terminal away."""

HANDSHAKE = 20.0
"""Seconds for which a connection may take to complete its TLS handshake."""

UNREADY = 1024
"""Connections that are not ready yet, in all. With one more, the one that has waited for longest
is closed: a handshake takes a second, and silence HANDSHAKE seconds. In a handshake a connection
takes up to 100 KB.
"""

PROXY_WAIT = 5.0
"""Seconds for which a proxy may take to tell where a connection comes from: it does so at once."""

PROXY_HEADER = 4096
"""Bytes in which it tells that: with all that haproxy can add they are some hundreds."""

EXPIRY_NEAR = 14 * 24 * 60 * 60
"""Seconds before its end from which on the daemon says that its certificate expires: programs that
renew it do so a month before, so something is wrong by then.
"""

EXPIRY_LOOK = 24 * 60 * 60
"""Seconds between two lines in the log that say so."""

LISTEN_BACKLOG = 1024
"""Connections that the kernel holds until they are accepted: many may come in the same second."""

CLIENT_LINE = 64 * 1024
"""Bytes of one line from a server that the client shows; the rest is cut."""

CLIENT_JSON = 4 * 1024 * 1024
"""Bytes of one event in JSON that the client reads: three times the longest line that a server may
be told to take, and what stands around it. Of the texts in it CLIENT_LINE characters are shown."""

FORMAT_WAIT = 3.0
"""Seconds after its greeting that a server has to answer whether it knows JSON: each one that knows
commands answers at once. A server that does not answer is taken to know only lines."""

GREETING_WAIT = 3.0
"""Seconds without a greeting after which a person is asked whether this is a chat."""

GREETING_HINT = 5.0
"""The same on a pipe: later, because a script that goes well needs no hint."""

GREETING_LIMIT = 20.0
"""Seconds after which chat-client on a pipe gives up a server that has not greeted: a daemon gives
a handshake as long, and a busy one greets sooner.
"""

LASTED = 30.0
"""Seconds that a connection must last for the next pause to be short: as long as the longest pause.
Otherwise a server that greets and goes would be tried more often than one that is away.
"""

CLIENT_EVENTS = 1000
"""Events that may wait in a session for their reader; with more, the connection is not read."""

CLIENT_HELD = 8 * 1024 * 1024
"""Bytes of memory, about, for what a session holds back until the server has told whether it knows
JSON: a replay of a quarter of --backlog, as lines and as JSON, takes 5 MiB."""

CLIENT_EVENT = 400
"""Bytes of memory, about, that an event takes besides its text."""

NAME_AGAIN = 5.0
"""Seconds until the client asks again for its name, which its lost connection may still have."""

NAME_AGAIN_FOR = 120.0
"""Seconds for which the client goes on asking: by then the server has given up a vanished peer."""

INTRODUCTION = 1.0
"""Seconds after a greeting in which a notice is taken as one that the server sends to every
newcomer: it sends those together with the greeting.
"""

SEEN = 50
"""Lines that the client remembers to have shown, so that it finds them in a replay: nobody says so
many lines twice in the same order.
"""

ROLL_CALL = 2.0
"""Seconds after Tab for which the menu of completions waits for names."""

CLIENT_HISTORY = 1000
"""Typed lines that the up key brings back. They are kept in memory only."""

CLIENT_SHOWN = 500
"""Lines that the client keeps, to show them again when the window gets another width: more than a
window has rows. At their longest (CLIENT_LINE) they take 32 MiB."""

CLIENT_MENU = 8
"""Rows of the menu in which Tab shows names and commands."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits that hold for the whole chat, at whichever node. So the journal decides by them,
    and lets others hold when it is asked to.
    """

    max_rooms: int = MAX_ROOMS
    max_joined: int = MAX_JOINED
    history: int = HISTORY
    history_bytes: int = HISTORY_BYTES


@dataclass
class Limits:
    """The limits that are options, with their defaults: see the constants for units and reasons.

    A daemon has one object of them. They are read where they are used, so that others can hold
    while it runs: see Chat.configure.
    """

    max_line: int = MAX_LINE
    rate: int = RATE
    burst: int = BURST
    backlog: int = BACKLOG
    stall: int = STALL
    max_users: int = MAX_USERS
    max_per_address: int = MAX_PER_ADDRESS
    max_rooms: int = MAX_ROOMS
    max_joined: int = MAX_JOINED
    history: int = HISTORY
    history_bytes: int = HISTORY_BYTES
    replay: int = REPLAY
    resume_bytes: int = RESUME_BYTES

    @property
    def answer(self) -> int:
        """Bytes of one answer at most. So many may wait for a member without harm."""
        return self.backlog // ANSWER_SHARE

    @property
    def most_in_json(self) -> int:
        """Bytes that a line may have in JSON, which may write one of its bytes as six."""
        return 6 * self.max_line + FRAME_ROOM

    @property
    def bounds(self) -> Bounds:
        """Those that hold for the whole chat."""
        return Bounds(self.max_rooms, self.max_joined, self.history, self.history_bytes)

    def take_over(self, others: Limits) -> None:
        """Be as `others` are."""
        vars(self).update(vars(others))
