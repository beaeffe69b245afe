"""chat-client after a reconnect: it takes its name, its login and its room again."""

from __future__ import annotations

import pytest

from tests.support.clients import AWAY, GREETING


@pytest.fixture
def meet(person, server):
    """Start a person's client that meets `server`: both ends."""

    def meet(*options):
        ann = person(*options, "127.0.0.1", server.port)
        guest = server.greet()
        ann.find("online)")
        return ann, guest

    return meet


def come_back(ann, server, guest):
    """Lose the connection, whose end is `guest`; the end of the next one, greeted."""
    guest.close()
    ann.find("! the server went away")
    return server.greet()


def tell(ann, guest, line):
    """Send `line` and wait until it is shown."""
    guest.send(f"{line}\n".encode())
    ann.find(line)


def test_nick_is_asked_for_before_anything_is_said(client, server):
    process = client("--nick", "ann", "127.0.0.1", server.port)
    process.write(b"one\n")
    process.end_input()
    guest = server.greet()
    assert guest.line() == "/nick ann"
    guest.send(b"- You are now ann\n")
    assert guest.rest() == "one\n"


def test_nick_is_asked_for_again_even_if_it_was_refused(meet, server):
    ann, guest = meet("--nick", "ann")
    assert guest.line() == "/nick ann"
    tell(ann, guest, "! ann is taken")
    guest = come_back(ann, server, guest)
    assert guest.line() == "/nick ann"


def test_name_and_room_are_taken_again(meet, server):
    ann, guest = meet()
    ann.type("/nick ann\n")
    assert guest.line() == "/nick ann"
    tell(ann, guest, "- You are now ann")
    tell(ann, guest, "- You are now in #dev")
    guest = come_back(ann, server, guest)
    assert guest.lines(2) == ["/nick ann", "/join dev"]
    # And once more, with another name and back in the lobby.
    tell(ann, guest, "- You are now kit")
    tell(ann, guest, "- You are now in #lobby")
    guest = come_back(ann, server, guest)
    ann.find("online)")
    ann.type("hello\n")
    assert guest.lines(2) == ["/nick kit", "hello"]


def test_name_that_the_server_gave_by_itself_is_not_asked_for(meet, server):
    ann, guest = meet("--nick", "ann")
    tell(ann, guest, "- You are now ann")
    tell(ann, guest, "- You are now 10.0.0.1:3333")
    assert guest.line() == "/nick ann"
    guest = come_back(ann, server, guest)
    ann.find("online)")
    ann.type("hello\n")
    assert guest.line() == "hello"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("/login ann correct horse", "- You are logged in as ann"),
        ("/register correct horse", "- ann is yours: /login ann PASSPHRASE takes it next time"),
    ],
)
def test_login_is_done_again(meet, server, typed, answer):
    ann, guest = meet()
    tell(ann, guest, "- You are now ann")
    ann.type(f"{typed}\n")
    assert guest.line() == typed
    tell(ann, guest, answer)
    guest = come_back(ann, server, guest)
    assert guest.line() == "/login ann correct horse"
    assert "horse" not in ann.raw


def test_login_that_was_refused_or_given_up_is_not_done_again(meet, server):
    ann, guest = meet()
    tell(ann, guest, "- You are now ann")
    ann.type("/login ann wrong\n")
    assert guest.line() == "/login ann wrong"
    tell(ann, guest, "! that is not the passphrase of ann")
    guest = come_back(ann, server, guest)
    assert guest.line() == "/nick ann"
    ann.type("/login ann right\n")
    assert guest.line() == "/login ann right"
    tell(ann, guest, "- You are logged in as ann")
    tell(ann, guest, "- ann belongs to nobody now: whoever takes it has it")
    guest = come_back(ann, server, guest)
    assert guest.line() == "/nick ann"


def test_name_that_is_still_taken_is_asked_for_until_it_is_free(meet, server):
    ann, guest = meet()
    tell(ann, guest, "- You are now ann")
    guest = come_back(ann, server, guest)
    assert guest.line() == "/nick ann"
    tell(ann, guest, "! ann is taken")
    assert guest.line() == "/nick ann"
    guest.send(b"! ann is taken\n")
    tell(ann, guest, "- You are now ann")
    assert ann.screen.count("! ann is taken") == 1
    assert ann.screen.count(GREETING) == 2


def test_ignored_names_and_being_away_are_asked_for_again_unseen(meet, server):
    ann, guest = meet()
    tell(ann, guest, "- You are away: lunch")
    tell(ann, guest, "- You ignore bob: /unignore bob ends it")
    guest = come_back(ann, server, guest)
    assert guest.lines(2) == ["/away lunch", "/ignore bob"]
    guest.send(b"- You are away: lunch\n! nobody here is called bob: /who lists who is\n")
    tell(ann, guest, "> New user bob entered (2 users online)")
    assert guest.line() == "/ignore bob"
    guest.send(b"- You ignore bob: /unignore bob ends it\n")
    tell(ann, guest, "- that was all")
    assert ann.screen.count("You are away") == 1
    assert ann.screen.count("You ignore bob") == 1
    assert "nobody here" not in ann.screen


MOTD = "- welcome\n- be kind\n"
REPLAY = "- 2026-11-23T07:12:00Z [bob] {}\n"


def test_the_message_of_the_day_and_what_was_seen_of_a_replay_are_not_shown_anew(meet, server):
    ann, guest = meet()
    guest.send(f"{MOTD}{REPLAY.format('one')}".encode())
    tell(ann, guest, "[bob] two")
    guest = come_back(ann, server, guest)
    replay = "".join(REPLAY.format(word) for word in ("one", "two", "three"))
    guest.send(f"{MOTD}{replay}[bob] four\n".encode())
    seen = f"{GREETING}{MOTD}{REPLAY.format('one')}[bob] two\n"
    ann.shows(f"{seen}{AWAY}{GREETING}{REPLAY.format('three')}[bob] four\n")


def test_a_replay_is_shown_also_when_nothing_follows_it(meet, server):
    ann, guest = meet()
    tell(ann, guest, "[bob] one")
    guest = come_back(ann, server, guest)
    guest.send("".join(REPLAY.format(word) for word in ("one", "two")).encode())
    ann.find("[bob] two")
    assert ann.screen.count("[bob] one") == 1
