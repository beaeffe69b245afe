"""What other protocols begin with, and what people begin with."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.support.doubles import Door

LEFT = "< The user 10.0.0.1:1 left (0 user online)"
NO_TEXT = "what you sent is no text"

STRANGERS = {
    "AJP": (b"\x12\x34\x00\x01\n", NO_TEXT),
    "AMQP": (b"AMQP\x00\x00\x09\x01", NO_TEXT),
    "Android's debugger": (b"CNXN\x00\x00\x00\x01\x00\x10\x00\x00", NO_TEXT),
    "BitTorrent": (b"\x13BitTorrent protocol", NO_TEXT),
    "DNS": (b"\x00\x1e\x00\x06\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07version", NO_TEXT),
    "git": (b"0033git-upload-pack /project.git\x00host=chat\x00", NO_TEXT),
    "ICAP": (b"OPTIONS icap://chat/x ICAP/1.0\r\n\r\n", "speaks no ICAP"),
    "IRC": (b"CAP LS 302\r\nPASS sesame\r\nNICK ann\r\nUSER ann 0 * :Ann\r\n", "is no IRC server"),
    "IRC before 302": (b"CAP LS\nNICK ann\n", "is no IRC server"),
    "Java's RMI": (b"JRMI\x00\x02K", NO_TEXT),
    "Kerberos": (b"\x00\x00\x00\x71\x6a\x81\x6e\x30\x81\x6b", NO_TEXT),
    "LDAP": (b"0\x0c\x02\x01\x01`\x07\x02\x01\x02\x04\x00\x80\x00", NO_TEXT),
    "LPD": (b"\x01default\n", NO_TEXT),
    "MongoDB": (b"\x41\x00\x00\x00\x3a\x30\x00\x00\xff\xff\xff\xff", NO_TEXT),
    "MQTT": (b"\x10\x10\x00\x04MQTT\x04\x02\x00\x1e\x00\x04chat", NO_TEXT),
    "Nessus": (b"< NTP/1.2 >\n", "is no Nessus server"),
    "Oracle": (b"\x00\x5a\x00\x00\x01\x00\x00\x00\x01\x36", NO_TEXT),
    "PJL": (b"\x1b%-12345X@PJL INFO ID\r\n\x1b%-12345X\r\n", "is no printer"),
    "PostgreSQL": (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", NO_TEXT),
    "PROXY": (b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 8888\r\nhello\r\n", "takes no PROXY header"),
    "PROXY, unknown": (b"PROXY UNKNOWN\r\nhello\r\n", "takes no PROXY header"),
    "PROXY, version 2": (b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c", NO_TEXT),
    "RDP": (b"\x03\x00\x00\x2a\x25\xe0\x00\x00\x00\x00\x00Cookie: mstshash=ann\r\n", NO_TEXT),
    "Redis": (b"*2\r\n$4\r\nAUTH\r\n$6\r\nsesame\r\n", "is no Redis server"),
    "RPC": (b"\x80\x00\x00\x28\x72\xfe\x1d\x13\x00\x00\x00\x00", NO_TEXT),
    "RTSP": (b"OPTIONS / RTSP/1.0\r\n\r\n", "speaks no RTSP"),
    "RTSP with a long target": (b"PLAY /" + b"x" * 500 + b" RTSP/1.0\r\n\r\n", "speaks no RTSP"),
    "SIP": (b"OPTIONS sip:ann SIP/2.0\r\nVia: SIP/2.0/TCP ann;branch=x\r\n", "speaks no SIP"),
    "SMB": (b"\x00\x00\x00\xa4\xffSMBr\x00\x00\x00\x00\x08\x01\x40", NO_TEXT),
    "SMTP": (b"EHLO mail.example.org\r\n", "is no mail server"),
    "SMTP of an address": (b"EHLO [192.0.2.1]\r\n", "is no mail server"),
    "SOCKS4": (b"\x04\x01\x00\x16\x7f\x00\x00\x01root\x00", NO_TEXT),
    "SOCKS5": (b"\x05\x01\x00", NO_TEXT),
    "SQL Server": (b"\x12\x01\x00\x34\x00\x00\x00\x00\x00\x00", NO_TEXT),
    "SSL 2": (b"\x80\x9e\x01\x03\x01\x00\x75\x00\x00\x00\x20", NO_TEXT),
    "TLS after an empty line": (b"\n\x16\x03\x01\x02\x00\x01\x00\x01\xfc", NO_TEXT),
    "TLS alert": (b"\x15\x03\x01\x00\x02\x02\x28", NO_TEXT),
    "X11": (b"l\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00", NO_TEXT),
    "a NUL late in a first line too long": (b"x" * 103 + b"\x00" + b"x" * 50 + b"\nhi\n", NO_TEXT),
    "a NUL before a CR NUL": (b"a\rb\x00c\r\x00hello\r\x00", NO_TEXT),
    "a control byte and no more": (b"\x16", NO_TEXT),
    "UTF-16": ("hello\n".encode("utf-16"), NO_TEXT),
}

PEOPLE = [
    b"GET out", b"HELP", b"help", b"EHLO", b"EHLO all", b"HELO", b"NICK bob", b"QUIT", b"USER?",
    b"CAP", b"CAP LS me", b"CAPS LOCK", b"*", b"*2 of them", b"**2", b"PROXY", b"PROXY TCP4 or not",
    b"stats", b"version", b"login:", b"<?xml version='1.0'?>", b"{\"id\": 1}", b"SSH",
    b"PLAY / RTSP", b"CALL ME SIP", b"sip / SIP/2.0", b"OPTIONS are / SIP/2.0", b"1.2.3.4",
    b"\tcode", b"\x08\x7fhi", b"\x1b[A\x1b[Bhi", b"\x1bOAhi", b"\x0c", b"\x15\x17hi", b"\x1b%hi",
    b"a\x01\x02\x03", b"\xff\xfb\x1f\xff\xfd\x03hi", b"\xff\xf4\xff\xfd\x06hi", b"\xfehi",
    b"\xe9t\xe9", b"\xef\xbb\xbfhi", "日本".encode(), "été".encode("latin-1"),
    "привет".encode("koi8-r"),
]  # fmt: skip


class StrangerTests(SynchronousTestCase):
    def heard(self, pieces: list[bytes]) -> tuple[list[str], str, bool]:
        """What is heard of a peer that sends `pieces` and ends, what it reads, whether it had been
        put out before it ended.
        """
        door = Door()
        protocol = door.connect()
        protocol.transport.clear()
        door.said()
        for piece in pieces:
            protocol.dataReceived(piece)
        was_put_out = protocol.transport.disconnecting or protocol._member.leaving
        protocol.readConnectionLost()
        return door.said(), protocol.transport.value().decode("latin-1"), was_put_out

    def test_another_protocol_is_told_so_and_put_out_unheard(self) -> None:
        for name, (data, answer) in STRANGERS.items():
            for pieces in ([data], [bytes([byte]) for byte in data]):
                with self.subTest(who=name, pieces=len(pieces)):
                    said, read, _ = self.heard(pieces)
                    self.assertEqual(said, [f"{LEFT}, put out: not a chat client"])
                    self.assertRegex(read, f"^! this is a chat.*{answer}: .*telnet\n$")

    def test_what_is_no_text_is_told_so_before_its_line_ends(self) -> None:
        for name, (data, answer) in STRANGERS.items():
            if answer == NO_TEXT and b"\n" not in data and data != b"\x16":
                for pieces in ([data], [bytes([byte]) for byte in data]):
                    with self.subTest(who=name):
                        self.assertTrue(self.heard(pieces)[2])

    def test_people_are_heard_whatever_they_begin_with(self) -> None:
        for words in PEOPLE:
            for end in (b"\n", b"\r\n", b"\r\0", b"\r", b""):
                for pieces in ([words + end], [bytes([byte]) for byte in words + end]):
                    with self.subTest(words=words, end=end):
                        said, _, was_put_out = self.heard(pieces)
                        self.assertFalse(was_put_out)
                        self.assertEqual(said[-1], LEFT)
                        self.assertEqual(len(said), 2)

    def test_in_later_lines_all_is_text(self) -> None:
        for name, (data, _) in STRANGERS.items():
            with self.subTest(who=name):
                said, _, was_put_out = self.heard([b"hi\n", data])
                self.assertFalse(was_put_out)
                self.assertEqual(said[-1], LEFT)
