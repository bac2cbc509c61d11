"""Event names: the special ones, and which are the same."""

import re

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

#: The rule for special names once more, spelt out for the two words of a test.
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
        ("Café", "caf"),
        ("caféBar", "caf bar"),
        ("signed\x1cup", "signed up"),  # white space to Python only
        ("___", ""),
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


@given(st.text(st.sampled_from("aZ9_- .é\tB"), max_size=12))
def test_the_form_follows_the_rule_as_it_was_written_for_browsers(name: str) -> None:
    if re.search(r"\s", name):
        expected = name.lower()
    elif re.search(r"[^A-Za-z0-9]", name):
        expected = re.sub(r"[^A-Za-z0-9]+(.|\Z)", lambda m: m[1] and f" {m[1]}", name).lower()
    else:
        expected = re.sub(r"(.)([A-Z]+)", lambda m: f"{m[1]} {' '.join(m[2])}", name).lower()
    assert normalised(name) == expected


def test_both_sides_of_the_mapping_are_put_into_that_form() -> None:
    events = ConvertroSettings(events={"signed_up": "a", "Sign Up": "b", "signup": "c"}).events
    assert mapped_types("Signed Up", events) == ("a",)
    assert mapped_types("signUp", events) == ("b",)
    assert mapped_types("Signup", events) == ("c",)
    assert mapped_types("SIGNUP", events) == ()
    assert mapped_types(" signup", events) == ()
    assert mapped_types("signup", ()) == ()


@pytest.mark.parametrize("name", ["_" * 65_000 + "a", "A" * 65_000, "aB" * 32_000, " " * 65_000])
def test_hostile_names_take_no_time_to_speak_of(name: str) -> None:
    normalised(name)
    assert not is_order_completed(name)
