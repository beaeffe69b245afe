"""The command lines: options stand wherever they are written."""

from __future__ import annotations

from unittest import TestCase

from tests.properties import given, st
from twisted_chat.console.options import Options as ClientOptions
from twisted_chat.tap import Options as PluginOptions
from twisted_chat.tap import ServerOptions
from twisted_chat.usage import OneLineOptions


def client(*arguments: str) -> ClientOptions:
    options = ClientOptions()
    options.parseOptions(arguments)
    return options


def server(*arguments: str) -> ServerOptions:
    options = ServerOptions()
    options.parseOptions(arguments)
    return options


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
            (ClientOptions(), ["127.0.0.1", "8888", "--nick", ""], "--nick must be a name"),
            (ClientOptions(), ["127.0.0.1", "--json", "8888", "x"], "tell it where to go"),
            (ServerOptions(), ["127.0.0.1", "--rate", "x"], "--rate must be"),
            (PluginOptions(), ["--port=0", "x"], "no argument is expected, and 'x' is one"),
            (PluginOptions(), ["x", "--port", "0"], "no argument is expected, and 'x' is one"),
        ):
            with self.subTest(arguments=arguments), self.assertRaises(SystemExit) as raised:
                options.parseOptions(arguments)
            self.assertRegex(str(raised.exception), f"^{options.program}: {complaint}.*")
            self.assertNotIn("\n", str(raised.exception))

    def test_a_shell_that_completes_is_twisted_s_own_affair(self) -> None:
        asked = ["--_shell-completion", "zsh:2"]
        self.assertEqual(OneLineOptions()._options_first(["--nick", *asked]), ["--nick", *asked])
