"""The command lines: options stand wherever they are written."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import TestCase

import pytest
from twisted.internet.address import IPv4Address

from tests.support.certificates import Authority
from tests.support.properties import given, st
from twisted_chat.console.options import Options as ClientOptions
from twisted_chat.daemon.options import Options as PluginOptions
from twisted_chat.daemon.options import ServerOptions
from twisted_chat.tls import Trust
from twisted_chat.usage import OneLineOptions


def client(*arguments: str) -> ClientOptions:
    options = ClientOptions()
    options.parseOptions(arguments)
    return options


def server(*arguments: str) -> ServerOptions:
    options = ServerOptions()
    options.parseOptions(arguments)
    return options


def refusal(options: OneLineOptions, arguments: list[str]) -> str:
    """The one line with which `options` refuse `arguments`, without its end."""
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown), pytest.raises(SystemExit) as raised:
        options.parseOptions(arguments)
    assert raised.value.code == 2
    [line] = shown.getvalue().splitlines()
    return line


class UsageTests(TestCase):
    @given(
        st.permutations([["--nick", "ann"], ["--bell=off"], ["--json"], ["127.0.0.1"]]),
        st.integers(0, 4),
    )
    def test_options_of_the_client_may_stand_anywhere(
        self, groups: list[list[str]], place: int
    ) -> None:
        host = groups.index(["127.0.0.1"])
        groups.insert(max(place, host + 1), ["8888"])
        options = client(*(argument for group in groups for argument in group))
        self.assertEqual((options.host, options.port), ("127.0.0.1", 8888))
        self.assertEqual((options["nick"], options["bell"]), ("ann", "off"))
        self.assertTrue(options["json"])
        self.assertFalse(options["stay"])

    def test_options_of_the_server_may_stand_anywhere(self) -> None:
        for arguments in (
            ["127.0.0.1", "8888", "--rate", "7", "--listen", "tcp:1", "--listen", "tcp:2"],
            ["127.0.0.1", "--listen", "tcp:1", "8888", "--rate=7", "--listen", "tcp:2"],
            ["--listen=tcp:1", "127.0.0.1", "--listen=tcp:2", "--rate", "7", "-p8888"],
            ["--listen=tcp:1", "127.0.0.1", "-p", "8888", "--listen=tcp:2", "--rate", "7"],
        ):
            options = server(*arguments)
            self.assertEqual((options["host"], options["port"]), ("127.0.0.1", "8888"))
            self.assertEqual(options.listen, ["tcp:1", "tcp:2"])
            self.assertEqual(options.limits.rate, 7)

    def test_what_follows_two_dashes_is_no_option(self) -> None:
        options = client("--nick", "--", "--", "--json", "8888")
        self.assertEqual((options["nick"], options.host), ("--", "--json"))
        self.assertFalse(options["json"])

    def test_what_is_wrong_is_told_in_one_line_wherever_it_stands(self) -> None:
        for options, arguments, complaint in (
            (ClientOptions(), ["127.0.0.1", "8888", "--nosuch"], "option --nosuch not recognized"),
            (ClientOptions(), ["127.0.0.1", "8888", "--nick"], "option --nick requires argument"),
            (
                ClientOptions(),
                ["127.0.0.1", "8888", "--nick", ""],
                "--nick is empty: give it a value",
            ),
            (ClientOptions(), ["127.0.0.1", "--json", "8888", "x"], "tell it where to go"),
            (ServerOptions(), ["127.0.0.1", "--rate", "x"], "--rate must be"),
            (PluginOptions(), ["--port=0", "x"], "no argument is expected, and 'x' is one"),
            (PluginOptions(), ["x", "--port", "0"], "no argument is expected, and 'x' is one"),
        ):
            with self.subTest(arguments=arguments):
                self.assertRegex(refusal(options, arguments), f"^{options.program}: {complaint}")

    def test_an_option_is_never_empty(self) -> None:
        for kind in (ClientOptions, ServerOptions, PluginOptions):
            for option in (name for name in kind().longOpt if name.endswith("=")):
                with self.subTest(kind=kind, option=option):
                    self.assertRegex(
                        refusal(kind(), ["127.0.0.1", f"--{option}"]),
                        rf"^{kind.program}: --{option[:-1]} is empty: give it a value, or leave",
                    )

    def test_where_the_client_goes_is_written_in_any_usual_way(self) -> None:
        for arguments, host, port in (
            (["chat.example"], "chat.example", 8888),
            (["chat.example", "23"], "chat.example", 23),
            (["chat.example:23"], "chat.example", 23),
            (["10.0.2.15:23"], "10.0.2.15", 23),
            (["tcp", "23"], "tcp", 23),
            (["::1"], "::1", 8888),
            (["2001:db8::5"], "2001:db8::5", 8888),
            (["1:2:3:4:5:6:7:8"], "1:2:3:4:5:6:7:8", 8888),
            (["fe80::1%eth0"], "fe80::1%eth0", 8888),
            (["[::1]"], "::1", 8888),
            (["[::1]:23"], "::1", 23),
            (["[::1:8802]"], "::1:8802", 8888),
            (["[::1]", "23"], "::1", 23),
            (["::1:8802", "23"], "::1:8802", 23),
            (["8888", "23"], "8888", 23),
            (["tcp:chat.example:23"], "tcp:chat.example:23", None),
            (["TLS:chat.example:23"], "TLS:chat.example:23", None),
            (["tls:8888"], "tls:8888", None),
            (["unix:/run/chat"], "unix:/run/chat", None),
            (["plugin:one:two"], "plugin:one:two", None),
            (["plugin:one"], "plugin:one", None),
        ):
            with self.subTest(arguments=arguments):
                options = client(*arguments)
                self.assertEqual((options.host, options.port), (host, port))
        self.assertEqual(client("chat.example").where, "chat.example port 8888")

    def test_where_the_client_goes_is_asked_for_if_it_can_be_two_things(self) -> None:
        for arguments, complaint in (
            (["8888"], "8888 is a port: write chat-client HOST 8888"),
            (
                ["::1:8802"],
                "::1:8802 can be an address, or an address and a port: write [::1:8802] or "
                "[::1]:8802",
            ),
            (["chat.example:23", "23"], "HOST must be without a port if PORT follows, not 'chat"),
            (["[::1]:23", "23"], "HOST must be without a port if PORT follows, not '"),
            ([""], "HOST is empty"),
            ([":23"], "HOST is empty"),
            (["", "23"], "HOST is empty"),
            (["[]:23"], "HOST is empty"),
            (["chat.example:0"], "PORT must be a number from 1 to 65535, not '0'"),
            (["chat.example:65536"], "PORT must be a number from 1 to 65535, not '65536'"),
            (["chat.example:٣"], "PORT must be a number from 1 to 65535, not '٣'"),
            (["[::1]:"], "PORT must be a number from 1 to 65535, not ''"),
        ):
            with self.subTest(arguments=arguments):
                line = refusal(ClientOptions(), arguments)
                self.assertIn(f"chat-client: {complaint}", line)

    def test_a_proxy_stands_before_an_endpoint_and_is_listed_by_its_address(self) -> None:
        for arguments, complaint in (
            (["--listen=proxy:"], "--listen proxy:: no endpoint that works here"),
            (["--listen=proxy:8890"], "--listen proxy:8890: no endpoint that works here"),
            (["--listen=proxy:ssl:1"], "--listen proxy:ssl:1: behind proxy: stands the endpoint"),
            (["--listen=Proxy:proxy:tcp:1"], "--listen Proxy:proxy:tcp:1: behind proxy: stands"),
            (["--listen=proxy:haproxy:tcp:1"], "--listen proxy:haproxy:tcp:1: the proxy would be"),
            (
                ["--proxy-from=unix"],
                "--proxy-from goes with --web, or a place that begins with proxy:",
            ),
            (
                ["--listen=proxy:tcp:1", "--proxy-from=chat.example"],
                "--proxy-from chat.example: that is neither an address nor a network such as",
            ),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(f"chat-server: {complaint}", refusal(ServerOptions(), arguments))
        options = server("--listen=PROXY:tcp:1", "--proxy-from=10.0.0.0/8", "--proxy-from=::1")
        [place] = options.places
        self.assertEqual((place.endpoint, place.is_proxied, place.is_tls), ("tcp:1", True, False))
        self.assertTrue(options.proxies.are_at(IPv4Address("TCP", "10.1.2.3", 1)))
        self.assertFalse(options.proxies.are_at(IPv4Address("TCP", "127.0.0.1", 1)))

    def test_options_of_tls_go_with_tls(self) -> None:
        for arguments, complaint in (
            (["--ca=x", "127.0.0.1"], "--ca goes with --tls"),
            (["--cert=x", "127.0.0.1", "23"], "--cert goes with --tls"),
            (["--insecure", "tcp:127.0.0.1:23"], "--insecure goes with --tls"),
            (["--key=x", "unix:/run/chat"], "--key goes with --tls"),
            (["--tls", "tcp:a:1"], "--tls goes with HOST and PORT, not with 'tcp:a:1'"),
            (["--tls", "unix:x"], "--tls goes with HOST and PORT, not with 'unix:x'"),
            (["--tls", "--insecure", "--ca=x", "a"], "--insecure trusts whoever answers, and --ca"),
            (["--tls", "--key=x", "a"], "--key goes with --cert"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(f"chat-client: {complaint}", refusal(ClientOptions(), arguments))
        for arguments, port, trust in (
            (["a"], 8888, None),
            (["--tls", "a"], 8889, Trust()),
            (["--tls", "a", "1"], 1, Trust()),
            (["--tls", "--ca=x", "--cert=y", "--key=z", "a:1"], 1, Trust("x", "y", "z")),
            (["--tls", "tls:a:1"], None, Trust()),
            (["--insecure", "TLS:a:1"], None, Trust(is_blind=True)),
        ):
            with self.subTest(arguments=arguments):
                options = client(*arguments)
                self.assertEqual((options.port, options.trust), (port, trust))

    def test_where_the_server_listens_is_written_in_any_usual_way(self) -> None:
        for arguments, host, port in (
            ([], None, None),
            (["23"], None, "23"),
            (["0"], None, "0"),
            (["10.0.2.15"], "10.0.2.15", None),
            (["10.0.2.15", "23"], "10.0.2.15", "23"),
            (["10.0.2.15:23"], "10.0.2.15", "23"),
            (["::1"], "::1", None),
            (["::1", "23"], "::1", "23"),
            (["[::1]:23"], "::1", "23"),
            (["10.0.2.15", "--port=23"], "10.0.2.15", "23"),
            (["23", "--host=10.0.2.15"], "10.0.2.15", "23"),
        ):
            with self.subTest(arguments=arguments):
                options = server(*arguments)
                self.assertEqual((options["host"], options["port"]), (host, port))

    def test_where_the_server_listens_is_asked_for_if_it_can_be_two_things(self) -> None:
        for arguments, complaint in (
            (["23", "24"], "'23' is no address: HOST comes first, then PORT"),
            (["23", "--port=24"], "--port 24 and '23': give only one"),
            (["10.0.2.15:23", "--host=::1"], "--host ::1 and '10.0.2.15': give only one"),
            (["65536"], "PORT must be a whole number from 0 to 65535, not '65536'"),
            (["10.0.2.15", "x"], "PORT must be a whole number from 0 to 65535, not 'x'"),
            (["10.0.2.15:x"], "PORT must be a whole number from 0 to 65535, not 'x'"),
            (["--port=x"], "--port must be a whole number from 0 to 65535, not 'x'"),
            (["::1:8802"], "::1:8802 can be an address, or an address and a port"),
            (["--host="], "--host is empty"),
        ):
            with self.subTest(arguments=arguments):
                line = refusal(ServerOptions(), arguments)
                self.assertIn(f"chat-server: {complaint}", line)

    def test_tls_is_asked_for_with_a_certificate_and_where_it_is_spoken(self) -> None:
        with TemporaryDirectory() as folder:
            file = Authority(Path(folder)).certify("127.0.0.1")
            good = f"--cert={file}"
            bad = "--tls: its certificate cannot be used"
            for arguments, complaint in (
                (["--tls=8889"], "--tls needs a certificate: --cert FILE --key FILE"),
                (["--tls=8889", f"--key={file}"], "--tls needs a certificate"),
                ([good], "--cert goes with --tls PORT or --web tls:PORT"),
                (["--web=tls:8443"], "--web tls:PORT needs a certificate: --cert FILE --key FILE"),
                (
                    ["--web=tls:8443", "--cert=/no"],
                    "--web tls:PORT: its certificate cannot be used: /no: No such file or",
                ),
                (["--port=0", "--key=x"], "--key goes with --tls"),
                (["--client-ca=x"], "--client-ca goes with --tls"),
                (
                    ["--tls=0", "--cert=/no"],
                    f"{bad}: /no: No such file or",
                ),
                (["--tls=0", good, "--key=/no"], f"{bad}: /no: No such file or"),
                (
                    ["--tls=0", good, "--client-ca=/no"],
                    f"{bad}: /no: No such file or",
                ),
                (["--tls=65536", good], "--tls 65536: a port is a whole number from 0 to 65535"),
                (["--tls=ssl:0", good], "--tls ssl:0: that is TLS by itself: write it like tcp:"),
                (["--tls=tls:x", good], "--tls tls:x: that is TLS by itself"),
                (["--tls=stdio:", good], "--tls stdio:: a daemon cannot listen there"),
                (["--tls=http", good], "--tls http: no endpoint that works here"),
            ):
                with self.subTest(arguments=arguments):
                    line = refusal(ServerOptions(), arguments)
                    self.assertIn(f"chat-server: {complaint}", line)
            places = server("--tls=8889", "--tls=unix:x", "--host=127.0.0.1", good).places
            self.assertEqual(
                [(place.typed, place.endpoint, place.is_tls) for place in places],
                [
                    ("--host 127.0.0.1", "tcp:8888:interface=127.0.0.1:backlog=1024", False),
                    ("--tls 8889", "tcp:8889:interface=127.0.0.1:backlog=1024", True),
                    ("--tls unix:x", "unix:x", True),
                ],
            )
            self.assertTrue(all(place.is_tls for place in server("--tls=1", good).places))

    def test_a_site_of_the_web_door_is_named_together_with_the_door(self) -> None:
        for option in ("--web-origin", "--web-frame"):
            line = refusal(ServerOptions(), [f"{option}=https://chat.example.org"])
            self.assertIn(f"{option} goes with --web", line)

    def test_the_help_fits_into_80_columns_and_has_no_gaps(self) -> None:
        for options in (ServerOptions(), PluginOptions(), ClientOptions()):
            for line in options.getUsage(80).splitlines():
                with self.subTest(line=line):
                    self.assertLessEqual(len(line), 80)
                    text = line[26:] if line.startswith(" ") else line
                    self.assertNotIn("  ", text.strip())

    def test_a_wrong_command_line_says_nothing_on_standard_output_without_standard_error(
        self,
    ) -> None:
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(None):
            self.assertRaises(SystemExit, ClientOptions().parseOptions, [])
        self.assertEqual(shown.getvalue(), "")

    def test_a_shell_that_completes_is_twisted_s_own_affair(self) -> None:
        asked = ["--_shell-completion", "zsh:2"]
        self.assertEqual(OneLineOptions()._options_first(["--nick", *asked]), ["--nick", *asked])
