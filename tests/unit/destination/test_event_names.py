"""Event names: the special ones, and which names are equal."""

import re
from string import ascii_letters
from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.destination import ConvertroSettings
from worker.destination.event_names import (
    is_application_installed,
    is_order_completed,
    mapped_types,
    normalised,
)

#: The rule for special names, spelt out again for the two words of a test.
WORDS = {
    is_order_completed: ("order", "completed"),
    is_application_installed: ("application", "installed"),
}


@pytest.mark.parametrize("is_special", WORDS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("gap", ["", " ", "_"])
@pytest.mark.parametrize("before", ["", " ", "_"])
@pytest.mark.parametrize("after", ["", " ", "_"])
def test_special_names_match_in_either_order(
    is_special: type, before: str, gap: str, after: str
) -> None:
    one, other = WORDS[is_special]
    for words in ((one, other), (other, one)):
        for name in (gap.join(words), gap.join(words).upper(), gap.join(words).title()):
            assert is_special(before + name + after)


@pytest.mark.parametrize("is_special", WORDS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize(
    "pattern",
    [
        "{0}-{1}",
        "{0}  {1}",
        "{0}__{1}",
        "{0}\t{1}",
        "{0}\u00a0{1}",
        "  {0} {1}",
        "{0} {1}  ",
        "{0} {1}\n",
        "{0} {1}!",
        "my {0} {1}",
        "{1} {0} refunded",
        "{0} {1} refunded",
        "{0}",
        "{1}",
        "{0} {0}",
        "",
    ],
)
def test_what_only_resembles_a_special_name_does_not_match(is_special: type, pattern: str) -> None:
    assert not is_special(pattern.format(*WORDS[is_special]))


def test_letters_of_other_alphabets_do_not_stand_in() -> None:
    assert not is_application_installed("Appl\u0131cation Installed")
    assert not is_application_installed("Application In\u017ftalled")


@pytest.mark.parametrize(
    ("name", "form"),
    [
        # white space: lower case and nothing else
        ("Signed Up", "signed up"),
        ("SIGNED UP", "signed up"),
        ("Signed  Up", "signed  up"),
        ("Signed_Up Now", "signed_up now"),
        (" signup", " signup"),
        ("signup ", "signup "),
        ("Signed\tUp", "signed\tup"),
        ("Signed\u00a0Up", "signed\u00a0up"),
        ("Signed\ufeffUp", "signed\ufeffup"),
        ("Signed-Up\n", "signed-up\n"),
        # separators: each run is one blank, the last run vanishes
        ("signed_up", "signed up"),
        ("signed-up", "signed up"),
        ("Signed.Up", "signed up"),
        ("signed__--up", "signed up"),
        ("_signed_up", " signed up"),
        ("signed_up_", "signed up"),
        ("signed_up!?", "signed up"),
        ("SIGNED_UP", "signed up"),
        ("signedUp_now", "signedup now"),
        ("signed\x1cup", "signed up"),  # white space to Python only
        # letters, marks and digits of other scripts
        ("Café", "café"),
        ("Cafe\u0301", "café"),
        ("caféBar", "café bar"),
        ("登録完了", "登録完了"),
        ("カート追加", "カート追加"),
        ("か\u3099", "が"),
        ("カート_追加", "カート 追加"),
        ("Покупка", "покупка"),
        ("НоваяПокупка", "новаяпокупка"),
        ("Новая-Покупка", "новая покупка"),
        ("ПокупкаOK", "покупка o k"),
        ("ซื้อแล้ว", "ซื้อแล้ว"),
        ("ख़रीदारी", "ख\u093cरीदारी"),
        ("खरीदारी_पूर्ण", "खरीदारी पूर्ण"),
        ("شراء", "شراء"),
        ("شراء-جديد", "شراء جديد"),
        ("Straße", "straße"),
        ("étape\u0662", "étape\u0662"),
        ("Party🎉", "party"),
        ("🎉Party", " party"),
        ("signed，up", "signed up"),
        # nothing is left
        ("___", "___"),
        ("...", "..."),
        ("🎉", "🎉"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("☀\ufe0f", "☀\ufe0f"),
        ("👩‍🚀", "👩‍🚀"),
        # camel case
        ("signedUp", "signed up"),
        ("SignedUp", "signed up"),
        ("signup", "signup"),
        ("Signup", "signup"),
        ("SIGNUP", "s i g n u p"),
        ("userID", "user i d"),
        ("aBCd", "a b cd"),
        ("ABc", "a bc"),
        ("step2Done", "step2 done"),
        ("2Fast", "2 fast"),
        ("S", "s"),
        ("", ""),
    ],
)
def test_names_are_compared_in_one_form(name: str, form: str) -> None:
    assert normalised(name) == form


@given(st.text(st.sampled_from("aZ9_- .\tB"), max_size=12))
def test_the_form_follows_the_rule_as_it_was_written_for_browsers(name: str) -> None:
    if re.search(r"\s", name) or not re.search(r"[A-Za-z0-9]", name):
        expected = name.lower()
    elif re.search(r"[^A-Za-z0-9]", name):
        expected = re.sub(r"[^A-Za-z0-9]+(.|\Z)", lambda m: m[1] and f" {m[1]}", name).lower()
    else:
        expected = re.sub(r"(.)([A-Z]+)", lambda m: f"{m[1]} {' '.join(m[2])}", name).lower()
    assert normalised(name) == expected


@given(st.text(st.characters(categories=["L"], exclude_characters=ascii_letters), min_size=1))
def test_names_of_other_letters_are_the_same_only_if_they_differ_in_case_at_most(
    name: str,
) -> None:
    assert normalised(name) == normalize("NFC", name).lower()


@given(st.text(min_size=1))
def test_composed_and_decomposed_names_are_the_same(name: str) -> None:
    assert normalised(normalize("NFD", name)) == normalised(normalize("NFC", name))


def test_both_sides_of_the_mapping_are_put_into_that_form() -> None:
    events = ConvertroSettings(events={"signed_up": "a", "Sign Up": "b", "signup": "c"}).events
    assert mapped_types("Signed Up", events) == ("a",)
    assert mapped_types("signUp", events) == ("b",)
    assert mapped_types("Signup", events) == ("c",)
    assert mapped_types("SIGNUP", events) == ()
    assert mapped_types(" signup", events) == ()
    assert mapped_types("signup", ()) == ()


def test_names_of_other_scripts_are_told_apart() -> None:
    events = ConvertroSettings(events={"登録完了": "a", "Покупка": "b", "🎉": "c"}).events
    assert mapped_types("登録完了", events) == ("a",)
    assert mapped_types("покупка", events) == ("b",)
    assert mapped_types("🎉", events) == ("c",)
    for name in ("カート追加", "Корзина", "🎁", "...", "_"):
        assert mapped_types(name, events) == ()


@pytest.mark.parametrize(
    "name", ["_" * 65_000 + "a", "A" * 65_000, "aB" * 32_000, " " * 65_000, "é_" * 20_000]
)
def test_hostile_names_take_little_time(name: str) -> None:
    normalised(name)
    assert not is_order_completed(name)
