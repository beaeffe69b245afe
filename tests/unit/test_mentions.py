"""Whom a text calls by name, in scripts with blanks between words and in those without."""

from __future__ import annotations

import unicodedata

import pytest

from tests.support.properties import given, st
from twisted_chat.console.colours import coloured, highlighted
from twisted_chat.console.face import calls
from twisted_chat.console.mentions import mentions
from twisted_chat.events import YOU, Emoted, Said, Told


def found(text: str, name: str) -> list[str]:
    """The pieces of `text` that call `name`."""
    return [text[start:end] for start, end in mentions(text, name)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # Hangul: what follows a name is written together with it.
        ("철수", "철수야 밥 먹자"),
        ("철수", "철수님"),
        ("철수", "안녕, 철수!"),
        ("철수", "@철수"),
        ("철수", "(철수가 왔어)"),
        # Han and kana.
        ("张三", "张三你好"),
        ("张三", "你好张三"),
        ("张三", "我觉得张三说得对"),
        ("さくら", "おはようさくらさん"),
        ("サクラ", "サクラさん"),
        ("李4", "李4你好"),
        # South-East Asia.
        ("สมชาย", "สวัสดีสมชายครับ"),
        ("ສົມ", "ສະບາຍດີສົມເດີ"),
        ("សុខា", "សួស្តីសុខាបាទ"),
        ("အောင်", "မင်္ဂလာပါအောင်ရေ"),
        # A Latin name in such a script ends where its letters do.
        ("ann", "annさん、こんにちは"),
        ("ann", "你好ann"),
        ("ann", "Ann이 왔어"),
        ("ann", "สวัสดีannครับ"),
        # One letter, alone.
        ("金", "金、在吗"),
        ("金", "hi 金"),
        ("수", "수, 안녕"),
        ("가", "\u1100\u1161!"),
        # Others.
        ("иван", "Привет, Иван!"),
        ("ann", "so...ann"),
        ("राम", "नमस्ते राम जी"),
    ],
)
def test_is_called(name, text):
    assert [piece.casefold() for piece in map(normal, found(text, name))] == [name]
    assert calls(Said("bob", text), name)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("철수", "김철수야"),
        ("철수", "x철수"),
        ("金", "金曜日"),
        ("金", "現金"),
        ("수", "수요일"),
        ("は", "はなし"),
        ("ก", "กข"),
        ("สมชา", "สมชาี"),
        ("ann", "안녕ann"),
        ("ann", "ann2さん"),
        ("иван", "иванов"),
        ("राम", "आराम"),
        ("राम", "रामा"),
        ("ann", "ann\u0308"),
        ("张三", "张\u0301三"),
    ],
)
def test_is_not_called(name, text):
    assert found(text, name) == []
    assert not calls(Said("bob", text), name)


def normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def test_places_are_those_of_the_text_as_it_stands():
    # Folding makes the text longer, composing makes it shorter.
    assert mentions("STRAẞE ß straße!", "strasse") == [(0, 6), (9, 15)]
    text = "Rene\u0301 e\u0301 RENÉ"
    assert found(text, "rené") == ["Rene\u0301", "RENÉ"]
    decomposed = unicodedata.normalize("NFD", "철수야, 철수")
    assert list(map(normal, found(decomposed, "철수"))) == ["철수", "철수"]
    assert found("ann ann.ann ann", "ann") == ["ann", "ann"]


@given(
    st.text("anAN é철수e\u0301ß.-_ 张三", max_size=30),
    st.sampled_from(["ann", "철수", "é", "张三"]),
)
def test_places_are_in_order_and_hold_the_name(text, name):
    last = 0
    for start, end in mentions(text, name):
        assert last <= start < end <= len(text)
        assert normal(text[start:end]).casefold() == name
        last = end


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (Said("bob", "hi ann!"), "[bob] hi ann!"),
        (Said("ann2", "ann"), "[ann2] ann"),
        (Emoted("bob", "waves to ANN, ann"), "* bob waves to ANN, ann"),
        (Told("ann.x", YOU, "ann?"), "[ann.x -> you] ann?"),
    ],
)
def test_the_highlight_changes_no_letter_and_stands_on_the_name_alone(event, line):
    for fragments in ([("", line)], coloured(line, event, "ann")):
        shown = highlighted(fragments, event, "ann")
        assert "".join(text for _, text in shown) == line
        names = [text.casefold() for style, text in shown if "reverse" in style]
        assert names == ["ann"] * len(mentions(event.text, "ann"))


def test_nothing_is_highlighted_where_nobody_is_called():
    for event, line in (
        (Said("ann", "I am ann"), "[ann] I am ann"),
        (Told(YOU, "bob", "ann"), "[you -> bob] ann"),
        (Told("bob", YOU, "psst"), "[bob -> you] psst"),
    ):
        assert not any("reverse" in style for style, _ in highlighted([("", line)], event, "ann"))
