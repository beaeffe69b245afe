"""The README and the pages in docs/: short, linked, and run as they are written."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pyte
import pytest

from tests.support.daemons import in_own_network, own_network
from tests.support.pages import commands
from tests.support.processes import CHAT_SERVER, CHECKOUT, chatctl

README = CHECKOUT / "README.md"
PAGES = [README, *sorted((CHECKOUT / "docs").glob("*.md")), CHECKOUT / "bench" / "README.md"]


def heading_anchors(page: Path) -> set[str]:
    """The anchors that headings of `page` get."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in headings}


def test_the_readme_is_read_in_a_minute():
    assert len(README.read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_every_link_leads_somewhere(page):
    text = page.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        if not link.startswith("https://"):
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.exists(), link
            assert not anchor or anchor in heading_anchors(target), link


def test_every_file_of_the_package_is_on_the_map_once():
    found = []
    for cell in re.findall(r"^\| (`.*?) \|", (CHECKOUT / "CONTRIBUTING.md").read_text(), re.M):
        folder = ""
        for name in re.findall(r"`(.*?)`", cell):
            folder = f"{name.rpartition('/')[0]}/" if "/" in name else folder
            found.append(folder + name.rpartition("/")[2])
    files = (CHECKOUT / "twisted_chat").rglob("*.py")
    needed = [str(path.relative_to(CHECKOUT / "twisted_chat")) for path in files]
    no_code = [
        f"{folder}__init__.py"
        for folder in ("", "console/", "daemon/", "doors/", "doors/web/", "journal/")
    ]
    assert sorted(found) == sorted(set(needed) - set(no_code))


def run_page(page: Path, folder: Path) -> None:
    """Run the commands of `page` where only they use the network."""
    program = [sys.executable, "-m", "tests.support.pages", str(page), str(folder)]
    process = subprocess.run(
        in_own_network("true", *program), cwd=CHECKOUT, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout + process.stderr


@own_network
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page != README and commands(page)],
    ids=lambda page: page.name,
)
def test_each_command_of_a_page_runs_as_it_is_written(page, tmp_path):
    run_page(page, tmp_path)


@own_network
def test_each_command_of_the_readme_runs_as_it_is_written(tmp_path):
    """But for what installs: .ci/run does that, as it is written."""
    page = tmp_path / "README.md"
    page.write_text(re.sub(r"(?m)^python3 -m venv .*\n", "", README.read_text()))
    home = tmp_path / "home"
    home.mkdir()
    run_page(page, home)


@own_network
@pytest.mark.skipif("CI" not in os.environ, reason="it installs from the network")
def test_the_first_commands_of_the_readme_install_and_start_a_daemon(start, tmp_path):
    tree = tmp_path / "chat"
    subprocess.run(["git", "clone", "--quiet", str(CHECKOUT), str(tree)], check=True)
    install, certify, daemon = commands(README)[:3]
    subprocess.run(["sh", "-ec", f"{install}\n{certify}"], cwd=tree, check=True)
    program = in_own_network("true", "sh", "-c", f"exec {daemon}")
    started = start(program, cwd=tree, env={"PYTHONPATH": ""})
    for port in (r"8888", r"8889 \(TLS\)", "8080 for browsers"):
        started.out.find(rf"Chat Server started on port {port}\.$")
    started.stop()


def session(start: str) -> list[str]:
    """The lines of the README's session that begins with `$ ` and `start`, from the second on."""
    lines = README.read_text().partition(f"    $ {start}")[2].splitlines()[1:]
    return [line.strip() for line in lines[: lines.index("")]]


def test_the_session_is_what_terminals_show(terminal, person, tmp_path):
    """With other ports and another address."""
    daemon = terminal([*CHAT_SERVER, "127.0.0.1", "0"], echo=True)
    daemon.find("Chat Server started on port ")
    daemon.until(lambda screen: screen.rstrip().endswith("."))
    port = re.search(r"port (\d+)\.", daemon.screen)[1]
    ann = person("127.0.0.1", port, echo=True)
    ann.find("(1 user online)")
    daemon.find("(1 user online)")
    ann.type("Hello\n")
    daemon.find("Hello")
    bob = terminal(["nc", "127.0.0.1", port], echo=True)
    bob.find("(2 users online)")
    daemon.find("(2 users online)")
    ann.find("(2 users online)")
    bob.type("World\n")
    daemon.find("World")
    bob.find("World")
    ann.find("World")
    bob.type("\x03")
    bob.wait()
    ann.find("left (1 user online)")
    daemon.find("left (1 user online)")
    ann.type("\x03")
    assert ann.wait() == 0
    daemon.find("left (0 user online)")
    daemon.type("\x03")
    assert daemon.wait() == 0
    for seen, start in (
        (daemon, ".venv/bin/chat-server"),
        (ann, ".venv/bin/chat-client"),
        (bob, "nc 10.0.2.15"),
    ):
        names = dict.fromkeys(re.findall(r"127\.0\.0\.1:\d+", daemon.screen))
        shown = seen.screen.replace(f"port {port}.", "port 8888.")
        for name, other in zip(names, ("10.0.2.15:33082", "10.0.2.15:33084"), strict=True):
            shown = shown.replace(name, other)
        assert shown.rstrip().splitlines() == session(start)


def chatctl_session(page: str) -> list[tuple[str, list[str]]]:
    """Each command of the session with chatctl on `page`, and what it answers there."""
    text = (CHECKOUT / "docs" / page).read_text()
    block = re.search(r"(?:^    .*\n)+", text[text.index("    $ chatctl ") :], re.MULTILINE)[0]
    commands = [each.splitlines() for each in block.replace("\n    ", "\n").split("$ ")[1:]]
    return [(command, answer) for command, *answer in commands]


def without_what_varies(line: str) -> str:
    """`line` without times, ages and passphrases."""
    line = re.sub(r"(idle|up) [^,:]*", r"\1", line)
    line = re.sub(r"(packets|bytes in|bytes out) \d+", r"\1", line)
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z|(?:[a-z0-9]{4}-){3}[a-z0-9]{4}", "", line)


def check_chatctl_session(page: str, state: Path) -> None:
    """Run the session with chatctl on `page`: it answers what stands there."""
    for command, answer in chatctl_session(page):
        ended = chatctl(state, *shlex.split(command)[1:])
        shown = (ended.stdout + ended.stderr).splitlines()
        assert [*map(without_what_varies, shown)] == [*map(without_what_varies, answer)]


def test_the_session_with_chatctl_is_what_it_answers(start_daemon, tmp_path):
    state = tmp_path / "state"
    daemon = start_daemon("--state", str(state))
    bob, ann = daemon.join(), daemon.join()
    bob.send(b"/nick bob\n/join dev\n")
    bob.find("- You are now in #dev")
    ann.send(b"/nick ann\n")
    ann.find("- You are now ann")
    check_chatctl_session("commands.md", state)


def test_a_forgotten_passphrase_is_reset_and_a_guesser_found_as_the_page_says(
    start_daemon, tmp_path
):
    state = tmp_path / "state"
    daemon = start_daemon("--state", str(state))
    ann, guesser = daemon.join(), daemon.join()
    ann.send(b"/nick ann\n/register seven blue horses\n/who\n")
    ann.find("- 2 users online:")
    guesser.send(b"/login ann seven red horses\n")
    guesser.find("! that is not the passphrase of ann")
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    pattern = re.search("`failregex = (.*)`", text)[1].replace("<HOST>", r"(\S+)")
    assert daemon.out.find(pattern)[1] == "127.0.0.1"
    in_log = re.findall(r"^    (.*\[chat#info\] .*)", text, re.MULTILINE)
    assert [bool(re.search(pattern, line)) for line in in_log] == [True, False, False]
    check_chatctl_session("operations.md", state)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_picture_shows_what_was_recorded_and_fetches_nothing(name):
    folder = CHECKOUT / "docs" / "session"
    picture = (folder / f"session-{name}.svg").read_text()
    shown = "".join(unescape(re.sub(r"<[^>]*>", "", picture)).split())
    for cast in sorted(folder.glob("*.cast")):
        header, *events = map(json.loads, cast.read_text().splitlines())
        screen = pyte.Screen(header["width"], header["height"])
        stream = pyte.Stream(screen)
        for _, _, data in events:
            stream.feed(data)
        for row in (f"$ {header['title']}", *screen.display):
            assert "".join(row.split()) in shown
    assert not re.search(r"@font-face|@import|url\(\s*[\"']?http|href=", picture)
