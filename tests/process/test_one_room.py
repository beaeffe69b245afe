"""The start of the README: one command, and people who come in each way meet in one room."""

from __future__ import annotations

import subprocess

from tests.support.processes import PATIENCE
from tests.support.readme import talk

SECRET = "seven blue horses in the rain"


def test_everybody_meets_in_one_room(readme) -> None:
    reader = readme.run("curl", "-D /dev/stderr")
    reader.err.find("^\r?$")  # It reads from here on.
    nc = readme.join("nc", "nc")
    openssl = readme.join("openssl", "openssl")
    client = readme.join("client", "chat-client", "--commands")
    web = readme.web_socket("web")
    talk([nc, openssl, client, web])
    for talker in (nc, openssl, client, web):
        reader.out.find(rf"^\[{talker.name}\] hello, this is {talker.name}")
    client.say(f"/register {SECRET}")
    client.say("/token")
    token = client.process.out.find(r"\b(chat_\S+)")[1]
    bearer, lobby = f"Authorization: Bearer {token}", f"{readme.site}lobby"
    done = subprocess.run(
        ["curl", "-sS", "-H", bearer, "-d", "by curl", lobby], capture_output=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stdout) == (0, b"")
    for talker in (nc, openssl, web):
        talker.read("client", "by curl")
