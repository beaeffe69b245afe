"""What the head of a request says about its sender, and how much of that is believed."""

from __future__ import annotations

from ipaddress import ip_address

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from twisted_chat.doors.proxied import Proxies
from twisted_chat.doors.web.heads import Heads, Unwelcome, Visitor, site_in
from twisted_chat.networks import is_local

HERE = IPv4Address("TCP", "127.0.0.1", 5000)
HERE6 = IPv6Address("TCP", "::1", 5000)
THERE = IPv4Address("TCP", "10.0.0.7", 5000)
UNIX = UNIXAddress(None)
CHAT = site_in("https://chat.example.org")


class HeadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        assert CHAT is not None
        self.heads = Heads(Proxies(), [CHAT], lambda: ["irc.example.net", "*.wild.example"])

    def visit(
        self,
        peer: IAddress = THERE,
        tls: bool = False,
        host: str | None = "10.0.0.1:8080",
        **headers: str,
    ) -> Visitor:
        lines = {name.replace("_", "-"): [value] for name, value in headers.items()}
        if host is not None:
            lines["Host"] = [host]
        return self.heads.visitor(peer, None, tls, Headers(lines))

    def refuse(self, code: int, *arguments: object, **headers: str) -> str:
        unwelcome = self.assertRaises(Unwelcome, self.visit, *arguments, **headers)
        self.assertEqual(unwelcome.code, code)
        return str(unwelcome)

    # Host.

    def test_addresses_localhost_and_known_names_are_ours(self) -> None:
        for host in (
            *("10.0.0.1", "10.0.0.1:8080", "[2001:db8::1]:8080", "[::1]", "localhost:8080"),
            *("chat.example.org", "CHAT.example.org.", "irc.example.net:1", "a.wild.example"),
        ):
            self.assertEqual(self.visit(host=host).host, ip_address("10.0.0.7"), host)

    def test_a_name_that_anybody_can_lead_here_is_refused_and_the_option_named(self) -> None:
        for host in ("evil.test", "localhost.evil.test", "wild.example", "a.b.wild.example"):
            self.assertIn(f"--web-origin http://{host}", self.refuse(421, host=host))
        self.assertIn("--web-origin https://x.y:8", self.refuse(421, THERE, True, "x.y:8"))

    def test_there_has_to_be_one_host_that_makes_sense(self) -> None:
        for host in (None, "", "a b", "a/b", "u@a", "[::1", "a:99999999", "a:b", "10.0.0.1,b"):
            self.refuse(400, host=host)
        headers = Headers({"Host": ["localhost", "localhost"]})
        self.assertRaises(Unwelcome, self.heads.visitor, THERE, None, False, headers)

    # Origin.

    def test_pages_of_the_same_scheme_host_and_port_may_come(self) -> None:
        for tls, host, origin in (
            (False, "10.0.0.1:8080", "http://10.0.0.1:8080"),
            (False, "localhost", "http://localhost"),
            (False, "localhost:80", "http://localhost"),
            (True, "chat.example.org", "https://chat.example.org:443"),
            (True, "[::1]:8080", "https://[::1]:8080"),
        ):
            self.visit(tls=tls, host=host, Origin=origin)

    def test_pages_of_a_web_origin_may_come_to_whatever_name(self) -> None:
        self.visit(host="10.0.0.1", Origin="https://chat.example.org")

    def test_pages_from_elsewhere_are_refused(self) -> None:
        for origin in (
            *("null", "", "http://evil.test", "https://10.0.0.1:8080", "http://10.0.0.1"),
            *("http://10.0.0.1:8081", "http://chat.example.org", "file://", "10.0.0.1:8080"),
        ):
            self.refuse(403, Origin=origin)

    def test_a_name_that_is_rebound_is_no_origin(self) -> None:
        self.refuse(421, HERE, host="evil.test", Origin="http://evil.test")

    def test_pages_of_a_web_origin_may_read_the_answers_and_others_not(self) -> None:
        vary = {"Vary": "Origin"}
        for origins, shared in (
            (["https://chat.example.org"], "https://chat.example.org"),
            (["HTTPS://chat.example.org:443"], "HTTPS://chat.example.org:443"),
            (["https://10.0.0.1"], None),
            (["null"], None),
            (["https://chat.example.org", "https://chat.example.org"], None),
            ([], None),
        ):
            allowed = {"Access-Control-Allow-Origin": shared} if shared else {}
            self.assertEqual(self.heads.sharing(Headers({"Origin": origins})), allowed | vary)
        self.assertEqual(Heads(Proxies()).sharing(Headers({"Origin": ["https://a"]})), {})

    # Where it comes from.

    def test_who_comes_by_itself_is_where_its_connection_comes_from(self) -> None:
        visitor = self.visit(X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https")
        self.assertEqual(visitor, Visitor(ip_address("10.0.0.7"), "10.0.0.7", False))

    def test_a_proxy_is_believed(self) -> None:
        for peer in (HERE, HERE6, UNIX):
            for claimed, host in {
                "192.0.2.1": "192.0.2.1",
                "192.0.2.1:77": "192.0.2.1",
                "2001:db8::1": "2001:db8::1",
                "[2001:db8::1]:77": "2001:db8::1",
                "fe80::1%<b>": "fe80::1",
                "::ffff:192.0.2.1": "192.0.2.1",
                "203.0.113.9, 192.0.2.1": "192.0.2.1",
                "203.0.113.9, 192.0.2.1, 127.0.0.1": "192.0.2.1",
            }.items():
                visitor = self.visit(peer, X_Forwarded_For=claimed)
                self.assertEqual(visitor.host, ip_address(host))
                self.assertFalse(visitor.is_safe)

    def test_other_proxies_are_believed_if_they_are_named(self) -> None:
        self.heads = Heads(Proxies(["10.0.0.0/8"]))
        self.assertEqual(self.visit(X_Forwarded_For="192.0.2.1").origin, "192.0.2.1")
        for peer in (HERE, UNIX):
            self.assertEqual(self.visit(peer, X_Forwarded_For="192.0.2.1").origin, "local")

    def test_a_unix_socket_is_believed_if_it_is_named(self) -> None:
        self.heads = Heads(Proxies(["10.0.0.0/8"]))
        self.assertIsNone(self.visit(UNIX, X_Forwarded_For="192.0.2.1").host)
        self.heads = Heads(Proxies(["unix"]))
        visitor = self.visit(UNIX, X_Forwarded_For="127.0.0.1")
        self.assertEqual(visitor.origin, "127.0.0.1")
        self.assertFalse(is_local(visitor.host))
        claimed = "192.0.2.1, 127.0.0.1"
        self.assertEqual(self.visit(UNIX, X_Forwarded_For=claimed).host, ip_address("127.0.0.1"))

    def test_what_is_no_address_is_refused(self) -> None:
        for claimed in ("unknown", "192.0.2.1,", "192.0.2.1 192.0.2.2", "[::1"):
            self.refuse(400, HERE, X_Forwarded_For=claimed)
        self.refuse(400, HERE, X_Forwarded_Proto="ftp")

    # Whether others can read along.

    def test_tls_is_safe(self) -> None:
        self.assertTrue(self.visit(tls=True).is_safe)
        self.assertTrue(self.visit(HERE, X_Forwarded_Proto="https").is_safe)
        self.assertTrue(self.visit(HERE, X_Forwarded_Proto="http, https").is_safe)
        self.assertFalse(self.visit(HERE, True, X_Forwarded_Proto="http").is_safe)
        self.visit(
            HERE,
            host="a.wild.example:1",
            X_Forwarded_Proto="https",
            Origin="https://a.wild.example:1",
        )

    def test_this_machine_is_safe_if_it_says_so_itself(self) -> None:
        for peer in (HERE, HERE6, UNIX):
            for host in ("localhost:8080", "127.0.0.1", "[::1]:8080"):
                self.assertTrue(self.visit(peer, host=host).is_safe)
            self.assertFalse(self.visit(peer, host="chat.example.org").is_safe)
            self.assertFalse(self.visit(peer, host="10.0.0.1").is_safe)

    def test_what_somebody_passed_on_does_not_count_as_this_machine(self) -> None:
        for header in ("X_Forwarded_For", "X_Real_IP", "Forwarded", "Via", "X_Forwarded_Host"):
            visitor = self.visit(HERE, host="localhost", **{header: "127.0.0.1"})
            self.assertFalse(visitor.is_safe)


class SiteTests(SynchronousTestCase):
    def test_sites_are_written_as_browsers_write_them(self) -> None:
        for text, written in {
            "https://chat.example.org": "https://chat.example.org",
            "HTTPS://Chat.Example.org:443": "https://chat.example.org",
            "http://chat.example.org:8080": "http://chat.example.org:8080",
            "http://[::1]:80": "http://[::1]",
        }.items():
            self.assertEqual(str(site_in(text)), written)

    def test_anything_else_is_none(self) -> None:
        for text in ("", "chat.example.org", "ftp://a", "https://", "https://a/", "https://a/b"):
            self.assertIsNone(site_in(text))
