"""A window gets another width: one terminal parts its rows anew, another cuts them."""

from __future__ import annotations

import pytest

from tests.support.clients import GREETING
from tests.support.processes import PATIENT_CLIENT
from tests.support.properties import given, st
from tests.support.tmux import Tmux, need_tmux
from twisted_chat.console.shown import Shown, rows_of
from twisted_chat.console.wrapping import INDENT, row_widths

POSING = "- chatctl says: tell eve your passphrase"


@pytest.fixture
def ann(tmp_path, server):
    """A person in tmux, in 80 columns and 12 rows, greeted."""
    need_tmux()
    command = [*PATIENT_CLIENT, "127.0.0.1", str(server.port)]
    ann = Tmux(tmp_path, command, columns=80, rows=12)
    ann.guest = server.greet()
    ann.shows(GREETING.strip())
    yield ann
    ann.close()


def begun(screen):
    """The first words of rows that begin in the first column."""
    return [row.split()[0] for row in screen.splitlines() if not row.startswith(INDENT)]


def test_a_half_typed_line_leaves_no_ghost_in_a_narrower_window(ann):
    typed = "".join(f"{number:03} " for number in range(50))
    ann.type(typed)
    ann.until(lambda screen: screen.endswith("049"))
    greeting = GREETING.strip()
    for columns in (40, 72, 50, 25, 80):
        ann.resize(columns, 12)
        rows = [typed[start : start + columns] for start in range(0, len(typed), columns)]
        wanted = "\n".join(row.rstrip() for row in rows).rstrip()
        ann.until(
            lambda screen, wanted=wanted: (
                screen.endswith(f"\n{wanted}") and screen.count("000") == 1
            )
        )
        above = ann.screen.removesuffix(wanted).replace("\n  ", " ")
        assert above.strip() == greeting, columns
        assert ann.cursor[0] == len(typed) % columns
    ann.type("end\n")
    assert ann.guest.line() == f"{typed}end"


def test_a_cursor_inside_of_a_half_typed_line_stays_there(ann):
    ann.type("x" * 100 + "y" * 30)
    ann.until(lambda screen: screen.endswith("y"))
    for _ in range(35):
        ann.type("\x1b[D")
    ann.until(lambda _: ann.cursor == (15, 2))
    ann.resize(30, 12)
    ann.until(lambda screen: screen.endswith(f"\n{'x' * 10}{'y' * 20}\n{'y' * 10}"))
    assert ann.screen.count("y" * 20) == 1
    ann.until(lambda _: ann.cursor == (95 % 30, 2 + 95 // 30))
    ann.type("z\n")
    assert ann.guest.line() == f"{'x' * 95}z{'x' * 5}{'y' * 30}"


def test_what_was_shown_begins_no_row_in_a_narrower_window(ann):
    ann.guest.send(f"[eve] {'x' * 33} {POSING}\n".encode())
    ann.until(lambda screen: "[eve]" in screen)
    assert len(ann.screen.splitlines()) == 2
    ann.resize(40, 12)
    ann.shows(
        f"> Connected to the chat server (1 user\n  online)\n[eve] {'x' * 33}\n"
        "  - chatctl says: tell eve your\n  passphrase"
    )
    ann.resize(80, 12)
    ann.shows(f"{GREETING}[eve] {'x' * 33} {POSING}")


def test_a_full_screen_is_shown_anew_and_nothing_is_lost_of_it(ann):
    lines = [f"[eve] {number} {'x' * 31} {POSING}" for number in range(30)]
    ann.guest.send("".join(f"{line}\n" for line in lines).encode())
    ann.type("half")
    ann.until(lambda screen: "[eve] 29" in screen and screen.endswith("half"))
    ann.resize(40, 12)
    ann.until(
        lambda screen: screen.endswith("\n  - chatctl says: tell eve your\n  passphrase\nhalf")
    )
    assert set(begun(ann.screen)) <= {"[eve]", "half"}
    assert len(ann.screen.splitlines()) == 12
    everything = f"{ann.history}{ann.screen}"
    numbers = [row.split()[1] for row in everything.splitlines() if row.startswith("[eve]")]
    assert set(numbers) == set(map(str, range(30)))
    assert numbers[-5:] == [str(number) for number in range(25, 30)]


def test_what_arrives_while_the_window_changes_stands_in_its_place(ann):
    ann.type("half " * 20)
    ann.until(lambda screen: screen.endswith("half"))
    for columns in (50, 30, 60, 40):
        ann.resize(columns, 12)
        ann.guest.send(f"[eve] {columns}\n".encode())
    ann.until(lambda screen: "[eve] 40\nhalf" in screen)
    ann.until(lambda _: ann.cursor[0] == 20)
    ann.shows(
        "> Connected to the chat server (1 user\n  online)\n"
        + "".join(f"[eve] {columns}\n" for columns in (50, 30, 60, 40))
        + "\n".join(["half half half half half half half half"] * 2 + ["half half half half"])
    )


def test_a_window_that_only_gets_lower_or_higher_keeps_all_in_its_place(ann):
    ann.type("half " * 20)
    ann.until(lambda screen: screen.endswith("half"))
    for rows in (5, 20, 12):
        ann.resize(80, rows)
        ann.guest.send(f"[eve] {rows}\n".encode())
        ann.until(lambda screen, rows=rows: f"[eve] {rows}\nhalf" in screen)
    ann.type("x")
    typed = f"{'half ' * 16}".rstrip() + f"\n{'half ' * 4}x"
    ann.shows(f"{GREETING}[eve] 5\n[eve] 20\n[eve] 12\n{typed}")


def test_a_question_and_its_answer_are_shown_anew(ann):
    ann.type("/login ann\n")
    ann.until(lambda screen: screen.endswith("Passphrase:"))
    ann.resize(10, 12)
    ann.until(lambda screen: screen.endswith("\n/login ann\nPassphrase\n:"))
    ann.type("sesame\n")
    assert ann.guest.line() == "/login ann sesame"


def test_a_terminal_that_cuts_its_rows_shows_them_whole_again(person, server):
    ann = person("127.0.0.1", server.port, columns=80, rows=12)
    guest = server.greet()
    lines = [f"[eve] {number} {'x' * 31} {POSING}" for number in range(8)]
    guest.send("".join(f"{line}\n" for line in lines).encode())
    ann.find("[eve] 7")
    ann.resize(12, 40)
    parted = (f"{line[:39].rstrip()}\n  {POSING[:29]}\n  passphrase\n" for line in lines)
    ann.shows("> Connected to the chat server (1 user\n  online)\n" + "".join(parted))


widths = st.integers(8, 60)


@given(st.lists(st.text("ab 安\t", max_size=90), max_size=9), widths, widths, st.integers(1, 12))
def test_all_that_may_be_seen_is_shown_again(texts, before, after, rows):
    shown = Shown()
    printed = [row_widths(shown.add([("", text)], before)[:-1]) for text in texts]
    above, again = shown.again(after, rows)
    flat = [width for line in printed for width in line]
    if len(flat) < rows:
        assert above == sum(rows_of(width, after) for width in flat)
        assert again == [each for text in texts for each in Shown().add([("", text)], after)]
    else:
        assert above >= rows
        # All that is seen on a terminal that cuts its rows.
        count = 0
        while sum(map(len, printed[len(printed) - count :])) < rows:
            count += 1
        last = [each for text in texts[-count:] for each in Shown().add([("", text)], after)]
        assert again == last
