"""The page in the browser, as resources of twisted.web: its files, read once."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files

from twisted.web.http import CACHED
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_chat.doors.web.heads import Site
from twisted_chat.doors.web.request import answer

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
}
"""The content types of the page's files, by what their names end in."""

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors {}"
)
"""What a browser may load for the page: its own files and nothing else. No text becomes code."""

_TAKES_GZIP = re.compile(rb"(?:^|,)\s*(?:gzip|\*)\s*(?:$|,|;(?!\s*q=0(?:\.0*)?\s*(?:$|,)))")


class Pages:
    """The page: `index` is the resource of `/` and of each room, `files` that of `/-/`, and `top`
    has those of other paths at the top, by their names.

    `frames`: the sites that may show it in a frame.
    """

    def __init__(self, frames: Sequence[Site] = ()) -> None:
        policy = _POLICY.format(" ".join(map(str, frames)) or "'none'")
        found = {
            each.name: PageFile(each.name, each.read_bytes(), policy)
            for each in files("twisted_chat.doors.web").joinpath("page").iterdir()
        }
        self.index: IResource = found.pop("index.html")
        self.top: Mapping[str, IResource] = {"robots.txt": found.pop("robots.txt")}
        self.files = Folder()
        for name, file in found.items():
            self.files.putChild(name.encode(), file)


class Folder(Resource):
    """Has the resources that were put into it, and nothing else."""

    def getChild(self, path: bytes, request: Request) -> Resource:
        return Nothing()

    def render_GET(self, request: Request) -> bytes | int:
        return Nothing().render(request)

    def render_POST(self, request: Request) -> int:
        answer(request, 405, "nothing can be sent to this address", Allow="GET, HEAD")
        return NOT_DONE_YET


class Nothing(Resource):
    """What is at an address where nothing is."""

    isLeaf = True

    def render(self, request: Request) -> int:
        answer(request, 404, "there is nothing at this address")
        return NOT_DONE_YET


class PageFile(Folder):
    """One file of the page. Browsers keep it, and ask each time whether it is still the same."""

    def __init__(self, name: str, content: bytes, policy: str) -> None:
        super().__init__()
        self._content = content
        self._packed = gzip.compress(content, mtime=0)
        tag = hashlib.sha256(content).hexdigest()[:32]
        self._tag = f'"{tag}"'.encode()
        self._packed_tag = f'"{tag}-gzip"'.encode()
        self._headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Content-Security-Policy": policy,
            "Cache-Control": "no-cache",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            # What is at the address of a room depends on who asks: a browser, or a program.
            "Vary": "Accept, Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }

    def render_GET(self, request: Request) -> bytes:
        for name, value in self._headers.items():
            request.setHeader(name, value)
        is_packed = _TAKES_GZIP.search(request.getHeader(b"accept-encoding") or b"") is not None
        if request.setETag(self._packed_tag if is_packed else self._tag) == CACHED:
            return b""
        if is_packed:
            request.setHeader("Content-Encoding", "gzip")
        content = self._packed if is_packed else self._content
        request.setHeader("Content-Length", str(len(content)))
        return b"" if request.method == b"HEAD" else content
