"""Write keys, signatures, and how often a key may be used."""

import base64
import hashlib
import hmac

import pytest

from config.settings import load_settings
from convertro.errors import SettingsError
from worker.collector.rate import Rate
from worker.collector.write_keys import WriteKeys, basic_user, is_signed

KEYS = WriteKeys(["shop-web", "shop-server"])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("shop-web", 0),
        ("shop-server", 1),
        ("shop-web ", None),
        ("SHOP-WEB", None),
        ("shop", None),
        ("", None),
        ("schlüssel", None),
        ("\ud83d", None),
    ],
)
def test_a_key_is_known_to_the_letter(given: str, found: int | None) -> None:
    assert KEYS.find(given) == found


def test_without_keys_everything_passes() -> None:
    assert WriteKeys([]).find("") == WriteKeys([]).find("anything") == 0


def test_keys_are_shown_nowhere() -> None:
    assert "shop" not in repr(KEYS)


def coded(text: bytes) -> str:
    return base64.b64encode(text).decode()


@pytest.mark.parametrize(
    ("header", "user"),
    [
        (f"Basic {coded(b'key:')}", "key"),
        (f"basic {coded(b'key:password')}", "key"),
        (f"Basic {coded(b'key')}", "key"),
        (f"Basic {coded(b':password')}", ""),
        (f"Bearer {coded(b'key:')}", ""),
        ("Basic not base64!", ""),
        ("Basic a", ""),
        (f"Basic {coded(bytes([255, 254]))}", ""),
        ("Basic \u00fc", ""),
        ("Basic", ""),
        ("", ""),
    ],
)
def test_the_user_of_basic_authentication_is_the_key(header: str, user: str) -> None:
    assert basic_user(header) == user


def test_a_signature_is_that_of_the_body_under_the_secret() -> None:
    body = b'{"type":"track"}'
    signature = hmac.new(b"teehee", body, hashlib.sha1).hexdigest()
    assert is_signed(body, signature, "teehee")
    assert not is_signed(body, signature, "other")
    assert not is_signed(body + b" ", signature, "teehee")
    for wrong in ("", signature[:-1], "ü", "\ud83d"):
        assert not is_signed(body, wrong, "teehee")


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_key_has_its_own_rate_and_does_not_affect_others() -> None:
    clock = Clock()
    rate = Rate(2.0, clock)
    assert [rate.wait_seconds(0) for _ in range(3)] == [0, 0, 0.5]
    assert rate.wait_seconds(1) == 0
    clock.seconds += 0.5
    assert [rate.wait_seconds(0) for _ in range(2)] == [0, 0.5]
    clock.seconds += 60
    assert [rate.wait_seconds(0) for _ in range(3)] == [0, 0, 0.5]


def test_less_than_one_a_second_is_a_rate_too() -> None:
    clock = Clock()
    rate = Rate(0.1, clock)
    assert [rate.wait_seconds(0) for _ in range(2)] == [0, 10]


def test_a_rate_of_0_is_no_bound() -> None:
    assert not any(Rate(0, Clock()).wait_seconds(0) for _ in range(10_000))


def test_keys_and_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVERTRO_WRITE_KEYS", "one, two,,")
    monkeypatch.setenv("CONVERTRO_CORS_ORIGINS", "https://shop.example.com,http://[::1]:8080")
    settings = load_settings()
    assert settings.known_write_keys == ("one", "two")
    assert settings.known_origins == ("https://shop.example.com", "http://[::1]:8080")
    assert "one, two" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WRITE_KEYS", "key with blank"),
        ("WRITE_KEYS", "key:"),
        ("WRITE_KEYS", "schlüssel"),
        ("CORS_ORIGINS", "elsewhere.example.com"),
        ("CORS_ORIGINS", "https://shop.example.com/"),
        ("CORS_ORIGINS", "https://Shop.example.com"),
        ("CORS_ORIGINS", "*"),
    ],
)
def test_a_wrong_value_is_a_sentence(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"CONVERTRO_{name}", value)
    with pytest.raises(SettingsError, match=f"^CONVERTRO_{name}: must be ") as caught:
        load_settings()
    assert value not in str(caught.value)
