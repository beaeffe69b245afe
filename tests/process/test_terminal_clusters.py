"""The line that is typed holds any character, is edited by what is seen as one, and the cursor is
where it belongs.
"""

from __future__ import annotations

import pytest
from prompt_toolkit.document import Document

from tests.support.clients import GREETING
from tests.support.processes import PATIENT_CLIENT
from tests.support.properties import given, st
from tests.support.tmux import Tmux, need_tmux
from twisted_chat.console.clusters import ClusterBuffer
from twisted_chat.console.widths import CLUSTER

LEFT, RIGHT, HOME, BACKSPACE, DELETE = "\x1b[D", "\x1b[C", "\x1b[H", "\x7f", "\x1b[3~"

FAMILY, GERMANY, HEART, THUMB = "👩\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "👍🏽"
KEYCAP, SCOTLAND = "1\ufe0f\u20e3", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


CLUSTERS = (
    *(FAMILY, GERMANY, HEART, THUMB, KEYCAP, SCOTLAND),
    *("e\u0301", "हि", "\u1112\u1161\u11ab"),
)


@pytest.mark.parametrize(
    ("keys", "kept"),
    [
        ("a{}{}" + BACKSPACE + "b\n", "a{}b"),
        ("a{}b{}" + LEFT + BACKSPACE + DELETE + HOME + RIGHT * 2 + "b\n", "a{}b"),
        ("ab{}{}" + LEFT * 2 + "\x04\n", "ab{}"),
        ("{}a{}b" + HOME + DELETE + "\x05" + LEFT + "\x14\n", "ab{}"),
    ],
    ids=["backspace", "left, right and delete", "^D", "^T"],
)
def test_a_cluster_is_edited_as_one(ann, keys, kept):
    for cluster in CLUSTERS:
        ann.type(keys.format(cluster, cluster))
        assert ann.guest.line() == kept.format(cluster)


def test_the_cursor_moves_over_a_whole_cluster(ann):
    ann.type(f"x{FAMILY}{GERMANY}y")
    ann.until(lambda screen: screen.endswith("x\ufffd\ufffdy"))
    for key, column in ((LEFT, 3), (LEFT, 2), (LEFT, 1), (LEFT, 0), (RIGHT, 1), (RIGHT, 2)):
        ann.type(key)
        ann.until(lambda _, column=column: ann.cursor == column)
    ann.type("-\n")
    assert ann.guest.line() == f"x{FAMILY}-{GERMANY}y"


def test_what_is_typed_before_a_cluster_and_joins_it_leaves_the_cursor_behind_it(ann):
    ann.type("🇪" + HOME + "🇩" + "x\n")
    assert ann.guest.line() == "🇩🇪x"


def test_a_character_of_disputed_width_is_shown_as_replaced_and_said_as_it_is(ann):
    for disputed in (FAMILY, GERMANY, HEART, THUMB, "\ue000", "\u0378", "\N{SOFT HYPHEN}"):
        ann.type(f"a{disputed}b")
        ann.until(lambda screen: screen.endswith("\na\ufffdb"))
        ann.until(lambda _: ann.cursor == 3)
        ann.type(LEFT * 2 + "-\n")
        assert ann.guest.line() == f"a-{disputed}b"


def test_a_letter_that_nobody_sees_is_shown_as_replaced_and_said_so(ann):
    ann.type("a\N{HANGUL FILLER}b")
    ann.until(lambda screen: screen.endswith("\na\ufffdb"))
    ann.type("\n")
    assert ann.guest.line() == "a\ufffdb"


@pytest.fixture
def ben(tmp_path, server):
    """A person in tmux, which draws vowel signs beside their letters; greeted."""
    need_tmux()
    ben = Tmux(tmp_path, [*PATIENT_CLIENT, "127.0.0.1", str(server.port)], columns=80, rows=12)
    ben.guest = server.greet()
    ben.shows(GREETING.strip())
    yield ben
    ben.close()


def test_letters_of_disputed_width_are_shown_themselves_where_they_are_drawn_wide(ben):
    ben.type("की का x")
    ben.shows(f"{GREETING}की का x")
    ben.until(lambda _: ben.cursor == (7, 1))
    # One in the place of another leaves nothing of it.
    ben.type(LEFT * 2 + BACKSPACE + "कि")
    ben.shows(f"{GREETING}की कि x")
    ben.until(lambda _: ben.cursor == (5, 1))
    ben.type("\n")
    assert ben.guest.line() == "की कि x"


def test_and_where_they_are_drawn_narrow_have_as_many_columns(ann):
    # This terminal draws no vowel signs at all.
    ann.type("की का x")
    ann.until(lambda screen: screen.endswith("\nक  क  x"))
    ann.until(lambda _: ann.cursor == 7)
    ann.type(LEFT * 2 + BACKSPACE + "ग")
    ann.until(lambda screen: screen.endswith("\nक  ग x"))
    ann.until(lambda _: ann.cursor == 4)
    ann.type("\n")
    assert ann.guest.line() == "की ग x"


@given(
    st.text(
        st.sampled_from(["a", " ", "🇩", "🇪", "👩", "\u200d", "\ufe0f", "\u0301", "🏽", "ह", "ि"])
    ),
    st.lists(st.integers(-3, 3) | st.sampled_from(["back", "delete", "swap", "e", "🇩", "\u0301"])),
)
def test_the_cursor_is_never_inside_of_a_cluster(text, steps):
    buffer = ClusterBuffer(document=Document(text))
    for step in steps:
        before = sorted(buffer.text)
        match step:
            case "back":
                buffer.delete_before_cursor()
            case "delete":
                buffer.delete()
            case "swap":
                buffer.swap_characters_before_cursor()
                assert sorted(buffer.text) == before
            case str():
                buffer.insert_text(step)
            case _:
                buffer.cursor_position += step
        clusters = CLUSTER.findall(buffer.text)
        places = {len("".join(clusters[:count])) for count in range(len(clusters) + 1)}
        assert buffer.cursor_position in places
