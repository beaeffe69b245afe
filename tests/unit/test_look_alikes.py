"""No two names that fold together stand side by side: looked at over all of Unicode.

Names fold together if NFKC, case folding or the skeleton of UTS 39 makes them one, or the skeleton
of what is in NFKC and case-folded.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from itertools import chain

import regex
from twisted.trial.unittest import SynchronousTestCase

from tests.support.properties import given, settings, st
from tests.unit.test_names import ALLOWED, ALPHABETS, refusal
from twisted_chat.identifiers import is_allowed
from twisted_chat.names import check_name, check_room, prototypes, skeleton
from twisted_chat.names import key as key_of

ASSIGNED = [
    character
    for character in map(chr, range(sys.maxunicode + 1))
    if unicodedata.category(character) not in ("Cs", "Co", "Cn")
]

UNSEEN = regex.compile(r"\p{DI}+")


def without_case(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def nfkc_casefold(text: str) -> str:
    """Unicode's chapter 3.13, D147."""
    visible = UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", visible).casefold())


FOLDS: tuple[Callable[[str], str], ...] = (
    lambda text: unicodedata.normalize("NFKC", text),
    without_case,
    nfkc_casefold,
    skeleton,
    lambda text: skeleton(nfkc_casefold(text)),
)


def groups(texts: Iterable[str], fold: Callable[[str], str]) -> list[list[str]]:
    """Return those of `texts` that `fold` makes one, by twos and more."""
    found = defaultdict(list)
    for text in texts:
        found[fold(text)].append(text)
    return [group for group in found.values() if len(group) > 1]


def folded() -> set[str]:
    """Return the characters that some fold changes, and those that it makes of them: no other can
    fold together with anything.
    """
    found = {chr(code) for code in prototypes()}.union(*prototypes().values())
    for character in ASSIGNED:
        others = unicodedata.normalize("NFKC", character), character.casefold()
        if others != (character, character):
            found.update(character, *others)
    return found


LETTERS = sorted(
    each for each in folded() if unicodedata.category(each)[0] == "L" and is_allowed(each)
)

SCRIPTS = ("Latn", "Grek", "Cyrl", "Armn", "Ethi")


def script_of(letter: str) -> str:
    return next((each for each in SCRIPTS if regex.match(rf"\p{{sc={each}}}", letter)), "")


# Letters that look like one of another script, and those of them with different keys.
FOREIGN = [
    group
    for fold in FOLDS
    for group in groups(LETTERS, fold)
    if len(set(filter(None, map(script_of, group)))) > 1
]
ALIKE = sorted(set(chain.from_iterable(FOREIGN)))
DISPUTED = sorted({each for group in FOREIGN if len(set(map(key_of, group))) > 1 for each in group})
MARKS = [
    each for each in sorted(folded()) if unicodedata.category(each) == "Mn" and is_allowed(each)
]


def alike(fold: Callable[[str], str]) -> dict[str, list[str]]:
    return {letter: group for group in groups(LETTERS, fold) for letter in group}


@cache
def is_accepted(name: str) -> bool:
    return not refusal(check_name, name)


DISGUISES = [alike(fold) for fold in FOLDS]


class LookAlikeTests(SynchronousTestCase):
    def assertNoneCoexist(self, names: Iterable[str]) -> None:
        """All of `names` that are accepted have one key."""
        by_key = {key_of(name): name for name in names if is_accepted(name)}
        self.assertLessEqual(len(by_key), 1, by_key)

    def test_what_is_typed_in_another_form_has_the_key_of_the_name(self) -> None:
        count = 0
        for character in ASSIGNED:
            for fold in FOLDS[:3]:
                folded = fold(character)
                if folded != character and ":" not in character + folded:
                    count += 1
                    self.assertEqual(key_of(f"a{character}"), key_of(f"a{folded}"), character)
        self.assertGreater(count, 10_000)

    def test_each_letter_alone_is_one_with_those_that_it_folds_together_with(self) -> None:
        count = 0
        for fold in FOLDS:
            for group in groups(LETTERS, fold):
                if len(set(map(key_of, group))) > 1:
                    count += 1
                    self.assertNoneCoexist(group)
        self.assertGreater(count, 10)

    def test_each_letter_of_two_readings_with_each_other_letter_or_mark(self) -> None:
        self.assertGreater(len(DISPUTED), 20)
        self.assertGreater(len(ALIKE), 300)
        self.assertGreater(len(MARKS), 20)
        names = [
            name
            for letter in DISPUTED
            for other in (*ALIKE, *MARKS)
            for name in (letter + other, *([other + letter] if other not in MARKS else []))
        ]
        keys = {name: key_of(name) for name in names}
        for fold in FOLDS:
            for group in groups(names, fold):
                if len({keys[name] for name in group}) > 1:
                    self.assertNoneCoexist(group)

    def test_each_mark_digit_and_sign_is_one_with_those_that_look_like_it(self) -> None:
        others = [each for each in ALLOWED if regex.match(r"[\p{M}\p{Nd}_.\-]", each)]
        for fold in FOLDS:
            for group in groups(others, fold):
                self.assertEqual(len(set(map(key_of, group))), 1, group)

    def test_nothing_stands_in_a_name_but_what_unicode_allows(self) -> None:
        count = 0
        for character in ASSIGNED:
            if unicodedata.category(character)[0] in "LMN" and not is_allowed(character):
                count += 1
                for text in (character, f"a{character}"):
                    if not refusal(check_room, text):  # It is another way to write what is allowed.
                        name = check_room(text)
                        self.assertEqual(name, unicodedata.normalize("NFC", text))
                        self.assertTrue(all(map(is_allowed, name)), text)
        self.assertGreater(count, 20_000)

    @given(st.data())
    @settings(max_examples=300)
    def test_a_name_in_which_letters_are_exchanged_for_others_is_one_with_it(self, data) -> None:
        fold = data.draw(st.sampled_from(FOLDS))
        letters = DISGUISES[FOLDS.index(fold)]
        alphabet = data.draw(st.sampled_from(ALPHABETS))
        name = data.draw(st.text(alphabet, min_size=1, max_size=6))
        disguised = "".join(data.draw(st.sampled_from(letters.get(each, each))) for each in name)
        self.assertEqual(fold(name), fold(disguised))
        self.assertNoneCoexist([name, disguised])
