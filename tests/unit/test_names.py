"""Names are what people of any script are called, and none can pass for another."""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable

from confusable_homoglyphs.categories import alias
from twisted.trial.unittest import SynchronousTestCase

from tests.support.properties import given, st
from twisted_chat.identifiers import is_allowed
from twisted_chat.limits import KEPT_LENGTH, NAME_LENGTH
from twisted_chat.names import BadName, check_name, check_room
from twisted_chat.names import key as key_of

ALLOWED = "".join(filter(is_allowed, map(chr, range(sys.maxunicode + 1))))
"""All characters that Unicode allows in names."""

# Names that people have, and the like.
GOOD = (
    *("a", "ann", "Ann_2", "jean-luc.p"),
    *(
        "Jürgen",
        "Groß",
        "Þór",
        "Đorđe",
        "Łukasz",
        "Ștefan",
        "İbrahim",
        "Işıl",
        "Zoë",
        "Niño",
        "Constanţa",
    ),
    *("Nguyễn", "Đặng", "Trần", "Kūhiō", "O\N{MODIFIER LETTER APOSTROPHE}ahu"),
    *("Ɗanladi", "Ƙasim", "Kɔfi", "Ŋgũgĩ", "Adébáyọ̀", "Ṣọlá"),  # Hausa, Akan, Gikuyu, Yoruba
    *("Наташа", "Фёдор", "Йован", "Ґалаґан", "Їжак", "Ђорђе", "Ғалым", "Ұлан", "Әлия", "Ӱнар"),
    "\u0412\u0435\u0440\u0430",  # Vera, all of whose letters but one look Latin
    "\u0417\u043e\u044f7",
    *("Νίκος", "Ελένη", "Λία", "Βάνα", "βαρβάρα", "Γιώργος", "Ἀθηνᾶ"),
    *("Հայկ", "Ռոբերտ", "ნინო", "ᲜᲘᲜᲝ", "ኢትዮጵያ", "አበበ"),
    *("דוד", "שרה", "ײזיק"),
    *("محمد", "علي٣", "فاطمة", "پرویز", "ڈاکٹر", "گلناز", "ۋ"),
    *("अनिता", "अनि१", "কৃষ্ণ", "ਗੁਰਪ੍ਰੀਤ", "ગીતા", "ଅନିତା"),
    *("சுந்தர்", "వెంకట్", "ಕೃಷ್ಣ", "ലക്ഷ്മി", "අනුර", "ދޯނި"),
    *("สมชาย", "คำ", "น้ำ", "น้ำฝน", "ແກ້ວ", "ຄຳ", "ນ້ຳ", "အောင်", "សុខា", "བཀྲ"),
    *("山田太郎", "さくら", "ルーシー", "ミョンちゃん", "きょうこ", "ジャック", "𠮷野", "佐々木"),
    *("王小明", "張愛玲", "김민준", "똠방각하", "濵田", "ㄅㄆㄇ"),
    *("Ann山田さくら", "Kim김"),
)

# What Unicode advises against, though some write it: Cherokee and other scripts of few readers,
# Hebrew points; and what nobody writes any more.
ADVISED_AGAINST = ("ᏣᎳᎩ", "ⵣ", "ꦗꦮ", "דָּוִד", "ײַן", "𐌰", "ᚠ")

FIRST_NAMES = """
    Aaron Abigail Adam Adrian Agnes Ahmed Alan Albert Alex Alexander Alexandra Alice Alicia Alina
    Amanda Amelia Amir Amy Ana Andrea Andreas Andrew Andy Angela Anita Ann Anna Anne Anthony Anton
    Arthur Ashley Ava Barbara Beatrice Ben Benjamin Bernard Beth Bill Bob Boris Brandon Brian Bruce
    Carl Carla Carlos Carol Caroline Catherine Charles Charlotte Chloe Chris Christian Christine
    Claire Clara Colin Craig Daniel Daniela David Dennis Diana Diego Dominic Donald Dora Dorothy
    Douglas Edith Edward Eleanor Elena Elias Elisa Elizabeth Ella Emil Emily Emma Eric Erik Ernest
    Eva Evelyn Felix Fiona Florence Frances Francis Frank Fred Gabriel Gary George Gerald Grace
    Greg Hannah Harold Harry Heather Helen Henry Howard Hugo Ian Ida Ines Ingrid Irene Iris Isaac
    Isabel Ivan Jack Jacob James Jane Janet Jason Jean Jeff Jennifer Jeremy Jessica Jim Joan Joe
    John Jonas Jonathan Joseph Joshua Juan Judith Julia Julian Karen Karl Kate Keith Kelly Kenneth
    Kevin Kim Lara Larry Laura Lauren Lea Leah Leo Leon Lewis Lily Linda Lisa Louis Louise Lucas
    Lucy Luis Luke Marc Marco Margaret Maria Marie Mark Martha Martin Mary Matthew Max Megan Mia
    Michael Michelle Mike Mila Miriam Mohammed Monica Nancy Naomi Natalie Neil Nicholas Nick Nicole
    Nina Noah Nora Oliver Olivia Oscar Pamela Patricia Patrick Paul Paula Peter Philip Rachel Ralph
    Raymond Rebecca Richard Robert Roger Ronald Rose Ruth Ryan Sally Samuel Sandra Sara Sarah Scott
    Sean Simon Sofia Stephen Steven Susan Theresa Thomas Tim Tom Tony Vera Victor Vincent Viola
    Walter Wendy William Yvonne Zoe
"""

# Letters that look Latin, as they stand in Unicode's confusables.txt.
LATIN_FOR_GREEK = "ABEZHIKMNOPTYXavopu"
GREEK = (
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7"
    "\u03b1\u03bd\u03bf\u03c1\u03c5"
)
LATIN_FOR_CYRILLIC = "ABCEHIJKMOPSTXYaceopxyisj"
CYRILLIC = (
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u04ae"
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0455\u0458"
)

# Texts rich in what names are made of, and in what they are not.
TEXTS = st.text(
    st.one_of(
        st.characters(categories=["L", "M", "Nd"]),
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from("aIl1|O0m\u0301\u0338\u0430\u0391\u200d\ufe0f\u3164_.-#:"),
    ),
    max_size=NAME_LENGTH + 2,
)

# Names of one script, most of them good.
ALPHABETS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZßäéłđÐ0123456789_.-",
    "".join(map(chr, (*range(0x391, 0x3A2), *range(0x3A3, 0x3CF)))),
    "".join(map(chr, range(0x400, 0x460))),
    "".join(map(chr, range(0x531, 0x557))) + "".join(map(chr, range(0x561, 0x588))),
]
NAMES = st.sampled_from(ALPHABETS).flatmap(lambda alphabet: st.text(alphabet, min_size=1))


def refusal(check: Callable[[str], str], text: str) -> str:
    """Why `text` is refused, or nothing where it is not."""
    try:
        check(text)
    except BadName as error:
        return str(error)
    return ""


class NameTests(SynchronousTestCase):
    def assertRefused(self, text: str, *why: str) -> None:
        said = refusal(check_name, text)
        for words in why:
            self.assertIn(words, said, text)

    def test_people_s_names_pass_unchanged(self) -> None:
        for name in GOOD:
            name = unicodedata.normalize("NFC", name)
            self.assertEqual(check_name(name), name)

    def test_a_name_is_normalised_for_the_person(self) -> None:
        self.assertEqual(check_name("Ju\u0308rgen"), "J\u00fcrgen")
        self.assertEqual(check_name("e\u0301" * NAME_LENGTH), "\u00e9" * NAME_LENGTH)

    def test_a_name_has_1_to_24_characters(self) -> None:
        self.assertRefused("", "missing", "1 to 24")
        self.assertEqual(check_name("a" * 24), "a" * 24)
        self.assertRefused("a" * 25, "too long", "24")

    def test_a_name_begins_with_a_letter(self) -> None:
        for text in ("_a", ".a", "-a", "1a", "\u0301a", "#a", " a", "\u2019a"):
            self.assertRefused(text, "begin with a letter")

    def test_a_name_holds_only_letters_digits_and_three_signs(self) -> None:
        for wrong in "@ /!'#[\t*\u20dd\u2019":
            self.assertRefused(f"a{wrong}b", "only letters")
        self.assertRefused("a@b", "'@'")

    def test_letters_in_special_forms_are_refused_and_told_the_plain_ones(self) -> None:
        for text, plain in (
            *(("ｆｒｅｄ", "fred"), ("ｆｒed", "fred"), ("victimᵐ", "victimm"), ("ｶﾅ", "カナ")),
            *(
                ("\U0001d41ab", "ab"),
                ("a\u00b2", "a2"),
                ("Henry\u2163", "HenryIV"),
                ("\ufb01n", "fin"),
            ),
            *(("ﻣﺤﻤﺪ", "محمد"), ("\u00b5\u03bd", "\u03bc\u03bd")),
        ):
            self.assertRefused(text, "special forms", f": write '{plain}'")
            self.assertEqual(key_of(text), key_of(plain))
        self.assertRefused("\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT ZERO}", "reads as a number")
        self.assertRefused("ａ ｂ", "holds ' '")
        self.assertRefused("\ufdfa" * 24, "too long")

    def test_the_vowels_of_thai_and_lao_stay_as_they_are_typed(self) -> None:
        for vowel, parts in (("\u0e33", "\u0e4d\u0e32"), ("\u0eb3", "\u0ecd\u0eb2")):
            base, tone = chr(ord(vowel) - 0x19), chr(ord(vowel) + 0x16)
            name = base + tone + vowel
            self.assertEqual(check_name(name), name)
            # Whichever way it is typed it looks the same.
            for typed in (base + tone + parts, base + parts[0] + tone + parts[1]):
                self.assertEqual(key_of(typed), key_of(name))

    def test_what_unicode_advises_against_is_refused_and_named(self) -> None:
        for name in ADVISED_AGAINST:
            self.assertRefused(unicodedata.normalize("NFC", name), "which Unicode advises against")

    def test_a_name_holds_nothing_that_cannot_be_seen(self) -> None:
        for unseen in "\u200b\u200d\u200f\ufe0f\u034f\u3164\u115f\u00ad\u2060\U000e0061":
            self.assertRefused(f"a{unseen}b", "only letters", "'\ufffd'")

    def test_a_character_that_python_does_not_know_is_refused(self) -> None:
        for code in (0x378, 0x3FFFE, 0xE000):
            self.assertRefused(f"a{chr(code)}", "only letters", "'\ufffd'")

    def test_marks_belong_to_letters(self) -> None:
        for text in ("a1\u0301", "a_\u0301", "a.\u0327"):
            self.assertRefused(text, "only letters")

    def test_four_marks_stand_on_a_letter_and_none_twice_in_a_row(self) -> None:
        self.assertEqual(check_name("x\u0301\u0302\u0303\u0304"), "x\u0301\u0302\u0303\u0304")
        for text in ("x\u0301\u0302\u0303\u0304\u0306", "x\u0301\u0301", "\u00e9\u0301"):
            self.assertRefused(text, "marks")

    def test_scripts_are_not_mixed_but_as_people_do(self) -> None:
        for text in (
            "p\u0430ypal",  # a Cyrillic letter
            "\u0391nn",  # a Greek one
            "ann\u0663",  # an Arabic digit
            "\u043d\u30fc",  # a Japanese mark on a Cyrillic letter
            "\uae40\u3055",  # Korean and Japanese
        ):
            self.assertRefused(text, "mixes scripts")

    def test_every_script_of_today_can_have_names(self) -> None:
        """Han and Hangul have so many letters that some of them have to do."""
        scripts = defaultdict(list)
        for character in ALLOWED:
            if unicodedata.category(character)[0] == "L":
                scripts[alias(character)].append(character)
        scripts.pop("COMMON")
        self.assertEqual(len(scripts), 29)
        for script, all_letters in scripts.items():
            letters = all_letters[:: 1 + len(all_letters) // 2000]
            good = [letter for letter in letters if not refusal(check_name, letter)]
            self.assertGreater(len(good), 0.8 * len(letters), script)

    def test_digits_are_of_one_kind(self) -> None:
        self.assertRefused("\u0905\u09671", "kinds of digits")
        self.assertRefused("\u0639\u0661\u06f1", "kinds of digits")

    def test_numbers_and_addresses_are_no_names(self) -> None:
        for text in (
            *("1", "007", "1.5", "-1", "1e5", "0x1f", "0b1", "0o7", "1_000", "\u0967\u0968"),
            *("inf", "Infinity", "NaN", "nan", "-inf", "lnf"),
            *("10.0.0.1", "10.0.0.0/8", "::1", "2001:db8::1", "fe80::1%eth0", "l0.0.0.1"),
        ):
            self.assertRefused(text, "number or an address")
        for name in ("lol", "Olli", "inform", "Nana", "e5", "x10"):
            self.assertEqual(check_name(name), name)

    def test_the_chat_s_own_words_are_kept_in_any_disguise(self) -> None:
        for text in (
            *("you", "chat", "chatctl", "server", "system", "daemon", "root", "admin", "lobby"),
            *("administrator", "moderator", "operator", "owner", "everyone"),
            *("nickserv", "chanserv", "histserv", "services"),
            *("YOU", "Server", "y0u", "adrnin", "L0bby", "Iobby", "1obby", "op\u0435rator"),
            *("ａｄｍｉｎ", "ro\u043et", "\U0001d428wner", "NickServ", "M0derat0r"),
        ):
            self.assertRefused(text, "kept")
        for name in ("youth", "chats", "admins"):
            self.assertEqual(check_name(name), name)

    def test_a_name_whose_capitals_make_it_latin_is_refused_and_told_the_way(self) -> None:
        self.assertRefused("\u0391\u039d\u0391", "looks Latin", "small letters")
        self.assertEqual(check_name("\u03b1\u03bd\u03b1"), "\u03b1\u03bd\u03b1")

    @given(TEXTS)
    def test_any_text_is_a_name_or_refused_in_one_visible_line(self, text: str) -> None:
        for check in (check_name, check_room):
            said = refusal(check, text)
            if said:
                self.assertTrue(said.isprintable())
                self.assertLess(len(said), 120)
            else:
                name = check(text)
                self.assertEqual(name, unicodedata.normalize("NFC", name))
                self.assertEqual(check(name), name)
                self.assertTrue(0 < len(name) <= NAME_LENGTH and name[0].isalpha())
                self.assertFalse(set(name) & set(" #:[]<>*!'\"/@\\"))


class RoomTests(SynchronousTestCase):
    def test_a_room_may_be_called_with_its_sign_which_is_dropped_once(self) -> None:
        self.assertEqual(check_room("#tea"), "tea")
        self.assertEqual(check_room("tea"), "tea")
        self.assertIn("begin with a letter", refusal(check_room, "##tea"))
        self.assertIn("missing", refusal(check_room, "#"))

    def test_what_folds_to_the_lobby_is_the_lobby(self) -> None:
        for text in ("lobby", "#lobby", "LOBBY", "#Lobby", "l0bby", "1obby", "l\u043ebby"):
            self.assertEqual(check_room(text), "lobby")

    def test_the_other_kept_words_are_open_to_rooms(self) -> None:
        self.assertEqual(check_room("#Admin"), "Admin")

    def test_the_rules_of_names_hold(self) -> None:
        for text in ("#a b", "#10", "#a@b", "#" + "a" * 25, "#p\u0430ypal"):
            self.assertTrue(refusal(check_room, text), text)
        self.assertEqual(check_room("#" + "a" * 24), "a" * 24)


class KeyTests(SynchronousTestCase):
    def assertOne(self, *names: str) -> None:
        self.assertEqual(len(set(map(key_of, names))), 1, names)

    def test_case_makes_no_difference(self) -> None:
        self.assertOne("ann", "Ann", "ANN")
        self.assertOne("Ian", "ian", "IAN")
        self.assertOne("Stra\u00dfe", "STRASSE", "stra\u1e9ee")
        self.assertOne("\u0412\u043e\u0432\u0430", "\u0432\u043e\u0432\u0430")
        self.assertOne(*("\u03a3\u03cc\u03c6\u03bf\u03c2", "\u03a3\u038c\u03a6\u039f\u03a3"))

    def test_look_alikes_make_no_difference(self) -> None:
        self.assertOne("ann", "\u0430nn", "\uff21\uff4e\uff4e", "\U0001d41a\U0001d427\U0001d427")
        self.assertOne("Ian", "lan", "1an", "|an", "\u0399an", "\u0406an")
        self.assertOne("modern", "rnodern", "MODEM", "modem")
        self.assertOne("bob", "b0b", "bOb", "\u0412\u041e\u0412")
        self.assertOne("\u0422\u041e\u041c", "\u0442\u043e\u043c", "TOM", "Tom")

    def test_what_cannot_be_seen_makes_no_difference(self) -> None:
        self.assertOne("ann", "a\u200bnn", "ann\ufe0f", "\u2060ann", "a\u00adnn\u3164")

    def test_accents_and_letters_of_other_shape_do(self) -> None:
        names = ("ann", "\u00e4nn", "ana", "ava", "anny", "annu", "a.nn", "a_nn", "a-nn", "anm")
        self.assertEqual(len(set(map(key_of, names))), len(names))

    def test_ordinary_names_stay_apart(self) -> None:
        self.assertGreater(len(FIRST_NAMES.split()), 200)
        same = defaultdict(list)
        for name in FIRST_NAMES.split():
            same[key_of(check_name(name))].append(name)
        self.assertEqual([names for names in same.values() if len(names) > 1], [])

    def test_addresses_are_themselves_and_equal_to_nothing_else(self) -> None:
        for name in ("10.0.0.1:33082", "[2001:db8::1]:33082", "local:1"):
            self.assertEqual(key_of(name), name)
        self.assertNotEqual(key_of("local:1"), key_of("local:l"))
        self.assertNotEqual(key_of("local:2"), key_of("local\uff1a2"))
        self.assertNotEqual(key_of("local:2"), key_of("local\ua7892"))

    def test_what_is_too_long_for_a_name_looks_like_nothing_but_itself(self) -> None:
        self.assertNotEqual(key_of("Ann" * 1000), key_of("\u0430nn" * 1000))

    def test_every_character_has_reached_its_key(self) -> None:
        for start in range(0, sys.maxunicode, KEPT_LENGTH):
            text = "".join(map(chr, range(start, start + KEPT_LENGTH))).replace(":", "")
            self.assertEqual(key_of(key_of(text)), key_of(text), hex(start))

    @given(TEXTS)
    def test_a_key_is_its_own_key(self, text: str) -> None:
        self.assertEqual(key_of(key_of(text)), key_of(text))

    @given(TEXTS)
    def test_composed_and_decomposed_texts_have_one_key(self, text: str) -> None:
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, text)
            if ":" not in other + text:
                self.assertEqual(key_of(other), key_of(text))

    @given(NAMES)
    def test_a_name_in_capitals_or_small_letters_has_one_key(self, name: str) -> None:
        self.assertOne(name, name.upper(), name.lower(), name.swapcase(), name.casefold())

    @given(st.text(LATIN_FOR_GREEK, min_size=1), st.text(LATIN_FOR_CYRILLIC, min_size=1))
    def test_a_latin_name_in_letters_of_another_script_is_one_with_it_or_refused(
        self, greek: str, cyrillic: str
    ) -> None:
        for latin, spoof in (
            (greek, greek.translate(str.maketrans(LATIN_FOR_GREEK, GREEK))),
            (cyrillic, cyrillic.translate(str.maketrans(LATIN_FOR_CYRILLIC, CYRILLIC))),
        ):
            if not refusal(check_name, spoof):
                self.assertOne(latin, spoof)
