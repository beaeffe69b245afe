"""The page's files as a browser gets them."""

from __future__ import annotations

import gzip
import json
import re

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.support.processes import CHECKOUT
from tests.support.web import Answer
from twisted_chat.dialects.json_lines import EVENTS
from twisted_chat.doors.web.heads import site_in
from twisted_chat.doors.web.pages import Folder, Pages
from twisted_chat.refusal import Kind

FOLDER = CHECKOUT / "twisted_chat" / "doors" / "web" / "page"
AT_THE_TOP = ("index.html", "robots.txt")


class PagesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.serve(Pages())

    def serve(self, pages: Pages) -> None:
        root = Folder()
        root.putChild(b"-", pages.files)
        root.putChild(b"", pages.index)
        for name, resource in pages.top.items():
            root.putChild(name.encode(), resource)
        self.site = Site(root, timeout=None, reactor=Clock())

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        channel = self.site.buildProtocol(None)
        transport = StringTransport()
        channel.makeConnection(transport)
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        channel.dataReceived("".join(f"{line}\r\n" for line in [*lines, ""]).encode())
        return Answer(transport.value())

    def test_each_file_is_there_with_its_type(self) -> None:
        for path in FOLDER.iterdir():
            if path.name not in AT_THE_TOP:
                answer = self.get(f"/-/{path.name}")
                self.assertEqual((answer.status, answer.body), (200, path.read_bytes()))
                self.assertRegex(
                    answer.headers["Content-Type"],
                    r"^(text/(css|javascript); charset=utf-8|image/svg\+xml)$",
                )
                self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(answer.headers["Referrer-Policy"], "no-referrer")

    def test_nothing_else_is(self) -> None:
        paths = (
            *("/-/", "/-", "/-/pages.py", "/-/main.js/", "/-/main.js/x", "/-/sw.js"),
            *("/-/index.html", "/-/../pages.py", "/-/%2e%2e/pages.py", "/-/main.js%00"),
        )
        for path in paths:
            self.assertEqual(self.get(path).status, 404, path)

    def test_search_engines_are_asked_to_stay_away(self) -> None:
        self.assertEqual(self.get("/robots.txt").body, b"User-agent: *\nDisallow: /\n")

    def test_the_page_runs_nothing_but_its_own_files(self) -> None:
        answer = self.get("/")
        policy = dict(
            each.split(maxsplit=1) for each in answer.headers["Content-Security-Policy"].split("; ")
        )
        self.assertEqual(policy["default-src"], "'none'")
        self.assertEqual(policy["script-src"], "'self'")
        self.assertEqual(policy["style-src"], "'self'")
        self.assertEqual(policy["frame-ancestors"], "'none'")
        self.assertNotRegex(
            answer.body.decode(), r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]* src=)"
        )

    def test_it_asks_nobody_else_for_anything_and_works_under_any_path(self) -> None:
        links = re.findall(r'(?:src|href)="([^"]*)"', (FOLDER / "index.html").read_text())
        self.assertEqual([link for link in links if not link.startswith("-/")], [])
        for path in FOLDER.glob("*.js"):
            imported = re.findall(r'(?:from|import) "([^"]*)"', path.read_text())
            self.assertEqual([link for link in imported if not link.startswith("./")], [])
        self.assertNotIn("url(", (FOLDER / "style.css").read_text())
        self.assertNotIn("@import", (FOLDER / "style.css").read_text())

    def test_no_text_is_set_as_html(self) -> None:
        for path in FOLDER.glob("*.js"):
            self.assertNotRegex(
                path.read_text(),
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|"
                r"DOMParser|srcdoc|setHTML",
                path.name,
            )

    def test_it_needs_nothing_that_only_safe_pages_have(self) -> None:
        for path in FOLDER.glob("*.js"):
            self.assertNotRegex(
                path.read_text(),
                r"crypto\.|clipboard|serviceWorker|navigator\.locks|caches\b",
                path.name,
            )

    def test_it_knows_all_events_and_names_only_kinds_of_refusals_that_there_are(self) -> None:
        state = (FOLDER / "chat.js").read_text()
        for event in EVENTS:
            self.assertRegex(state, rf'\t{event}(\(|: enterRoom)|"{event}"', event)
        kinds = {kind.value for kind in Kind}
        for module, name in (("app.js", "ABOUT_THE_NAME"), ("wire.js", "PASSES")):
            listed = re.search(rf"{name} = (\[.*?\])", (FOLDER / module).read_text(), re.DOTALL)
            assert listed
            self.assertLessEqual(set(json.loads(listed[1])), kinds)

    def test_other_sites_may_frame_it_if_the_administrator_says_so(self) -> None:
        wiki, shop = site_in("https://wiki.example.org"), site_in("http://shop.example:8080")
        assert wiki
        assert shop
        self.serve(Pages([wiki, shop]))
        policy = self.get("/").headers["Content-Security-Policy"]
        ancestors = "frame-ancestors https://wiki.example.org http://shop.example:8080"
        self.assertTrue(policy.endswith(ancestors), policy)

    def test_it_is_packed_for_whoever_unpacks_it(self) -> None:
        plain = self.get("/")
        self.assertEqual(plain.body, (FOLDER / "index.html").read_bytes())
        for accepted in ("gzip", "gzip, deflate, br", "br;q=1, gzip;q=0.5", "*"):
            packed = self.get("/", Accept_Encoding=accepted)
            self.assertEqual(packed.headers["Content-Encoding"], "gzip", accepted)
            self.assertEqual(gzip.decompress(packed.body), plain.body)
            self.assertNotEqual(packed.headers["ETag"], plain.headers["ETag"])
            self.assertIn("Accept-Encoding", packed.headers["Vary"])
        for refused in ("br", "gzip;q=0", "gzip; q=0.0, br", "xgzip"):
            self.assertEqual(self.get("/", Accept_Encoding=refused).body, plain.body, refused)

    def test_what_a_browser_has_already_is_not_sent_again(self) -> None:
        for packing in ("gzip", "identity"):
            tag = self.get("/", Accept_Encoding=packing).headers["ETag"]
            again = self.get("/", Accept_Encoding=packing, If_None_Match=tag)
            self.assertEqual((again.status, again.body), (304, b""))
            self.assertEqual(again.headers["Cache-Control"], "no-cache")

    def test_a_head_has_no_body(self) -> None:
        answer = self.get("/-/main.js", method="HEAD")
        self.assertEqual((answer.status, answer.body), (200, b""))
        size = (FOLDER / "main.js").stat().st_size
        self.assertEqual(answer.headers["Content-Length"], str(size))

    def test_all_of_it_loads_in_less_than_100_kib(self) -> None:
        """Browsers get it packed."""
        sizes = [len(gzip.compress(path.read_bytes())) for path in FOLDER.iterdir()]
        self.assertLess(sum(sizes), 100 * 1024)
