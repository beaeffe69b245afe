"""Which characters may stand in names is what Unicode says, and how our file of them is made."""

from __future__ import annotations

import unicodedata

import pytest
import regex

from tests.unit.test_names import ALLOWED
from tools.identifier_status import MADE, made_of, parsed
from twisted_chat.identifiers import compatible, is_allowed

SOURCE = """\
# IdentifierStatus.txt
# Version: 17.0.0
# @missing: 0000..10FFFF; Restricted

#	Identifier_Status:	Allowed

002D..002E    ; Allowed    # 1.1    [2] HYPHEN-MINUS..FULL STOP
0030..003A    ; Allowed    # 1.1   [11] DIGIT ZERO..COLON
003B          ; Allowed    # 1.1        SEMICOLON
29D98         ; Allowed    # 3.1        CJK UNIFIED IDEOGRAPH-29D98

# Total code points: 15
"""

OLDER = """\
# Version: 16.0.0
0061..0063 ; Allowed # 1.1 [3] LATIN SMALL LETTER A..LATIN SMALL LETTER C
002E       ; Allowed # 1.1     FULL STOP
# Total code points: 4
"""


def ranges(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


def test_the_file_is_made_of_what_unicode_s_files_allow():
    made = made_of([OLDER, SOURCE])
    assert ranges(made) == ["2D-2E 30-3B 61-63 29D98"]
    head = made.splitlines()[0]
    assert head.startswith("# What Identifier_Status (UTS 39) allows in Unicode 16.0.0 or 17.0.0,")
    assert "SPDX-License-Identifier: Unicode-3.0" in made


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (SOURCE.replace("Version", "Ver"), "no IdentifierStatus.txt"),
        (SOURCE.replace("Total", "All"), "no IdentifierStatus.txt"),
        (SOURCE.replace("; Allowed", "; Recommended"), "Recommended is no status"),
        (SOURCE.replace("003B  ", "# 003B"), "some lines are missing"),
    ],
)
def test_a_file_of_another_form_is_refused(wrong, why):
    with pytest.raises(ValueError, match=why):
        parsed(wrong)


def test_the_file_that_is_packed_is_as_the_tool_makes_it():
    text = MADE.read_text(encoding="utf-8")
    codes = []
    for each in " ".join(ranges(text)).split():
        first, _, last = each.partition("-")
        codes += range(int(first, 16), int(last or first, 16) + 1)
    lines = [f"# Total code points: {len(codes)}", *(f"{code:04X} ; Allowed # ?" for code in codes)]
    versions = ("# Version: 16.0.0", "# Version: 17.0.0")
    assert made_of(["\n".join([version, *lines]) for version in versions]) == text


def test_what_is_allowed_is_what_unicode_derives_it_from():
    """UTS 39, 3.1: of identifiers by UAX 31, and stable under NFKC; some signs besides."""
    assert len(ALLOWED) > 110_000
    outside = "".join(each for each in ALLOWED if not regex.match(r"\p{XIDC}", each))

    assert regex.fullmatch(
        r"['\-.:\u0375\u058a\u06fd\u06fe\u05f3\u05f4\u0f0b\u2010\u2019\u2027\u30a0]*", outside
    )
    known = [each for each in ALLOWED if unicodedata.category(each) != "Cn"]
    changed = [each for each in known if unicodedata.normalize("NFKC", each) != each]
    assert changed == ["\u0e33", "\u0eb3"]
    assert not regex.search(r"\p{DI}", ALLOWED.replace("\u200c", "").replace("\u200d", ""))


def test_scripts_of_today_are_allowed_and_others_are_not():
    for script in ("Latn", "Cyrl", "Arab", "Deva", "Thai", "Hang", "Hani", "Kana", "Ethi"):
        assert is_allowed(regex.search(rf"(?V1)[\p{{sc={script}}}&&\p{{L}}]", ALLOWED)[0])
    for script in ("Cher", "Goth", "Runr", "Copt", "Tfng", "Java", "Egyp"):
        assert not regex.search(rf"\p{{sc={script}}}", ALLOWED)


def test_texts_are_made_compatible_but_for_the_vowels_of_thai_and_lao():
    for text, plain in (
        ("ｆｒｅｄ", "fred"),
        ("น้ำ", "น้ำ"),
        ("ａน้ำｂຳｃ", "aน้ำbຳc"),
        ("\u0e33\u0301a", "\u0e33\u0301a"),
        ("e\u0301", "\u00e9"),
    ):
        assert compatible(text) == plain
