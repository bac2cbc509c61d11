"""Finds the journal by a client's arguments, or by the environment where they are left out."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict, TypeGuard, Unpack

from redis import Redis

from convertro.connection import PRODUCER_TIMEOUT_SECONDS, connect
from convertro.errors import SettingsError
from convertro.intake_journal import IntakeJournal
from convertro.redis_url import check_redis_url
from convertro.sentinel import is_sentinel
from convertro.setting_text import check_text, check_url, trimmed

_DURABILITIES = ("memory", "fsync")
_MAX_PREFIX_LENGTH = 100
_MAX_TIMEOUT_SECONDS = 86_400


class Options(TypedDict, total=False):
    """The keyword arguments of `Client`, which explains them."""

    prefix: str | None
    sentinel_master: str | None
    sentinel_password: str | None
    durability: str | None
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """The Redis, the keys and the durability of a journal."""

    redis: Redis
    key_prefix: str
    #: `memory` or `fsync`.
    durability: str


def open_journal(url: str | None, **options: Unpack[Options]) -> IntakeJournal:
    """Make the journal that producers use; it connects at its first use. See `Client`.

    Raises:
        SettingsError: A value is wrong; the message names the argument or the variable.
    """
    place = find_journal(url, **options)
    return IntakeJournal(
        place.redis,
        key_prefix=place.key_prefix,
        constants={},
        fsync=place.durability == "fsync",
    )


def find_journal(url: str | None, **options: Unpack[Options]) -> Place:
    """Find the journal; its Redis client connects at its first use. See `Client`.

    Raises:
        SettingsError: A value is wrong; the message names the argument or the variable.
    """
    where = _Setting("url", url, "REDIS_URL", "redis://127.0.0.1:6379/0")
    master = _Setting("sentinel_master", options.get("sentinel_master"), "SENTINEL_MASTER", "")
    password = _Setting(
        "sentinel_password", options.get("sentinel_password"), "SENTINEL_PASSWORD", ""
    )
    key_prefix = _Setting("prefix", options.get("prefix"), "KEY_PREFIX", "{convertro}:")
    when = _Setting("durability", options.get("durability"), "DURABILITY", _DURABILITIES[0])
    where.check(check_url)
    where.check(check_redis_url)
    for name in (master, key_prefix, password):
        name.check(check_text)
    if is_sentinel(where.value) and not master.value:
        raise master.wrong("must be set: Sentinels know the master by a name")
    if not 0 < len(key_prefix.value) <= _MAX_PREFIX_LENGTH:
        raise key_prefix.wrong(f"must have 1 to {_MAX_PREFIX_LENGTH} characters")
    if when.value not in _DURABILITIES:
        raise when.wrong("must be memory or fsync")
    timeout_seconds: object = options.get("timeout_seconds", PRODUCER_TIMEOUT_SECONDS)
    if not _is_timeout(timeout_seconds):
        raise SettingsError(
            f"timeout_seconds: must be a number of more than 0 and at most {_MAX_TIMEOUT_SECONDS}"
        )
    redis = connect(
        where.value,
        timeout_seconds,
        sentinel_master=master.value,
        sentinel_password=password.value or None,
    )
    return Place(redis, key_prefix.value, when.value)


def _is_timeout(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= _MAX_TIMEOUT_SECONDS


class _Setting:
    """A value from an argument, else from the environment, else the default.

    Raises:
        SettingsError: The argument is not a string.
    """

    def __init__(self, argument: str, given: str | None, variable: str, default: str) -> None:
        self._name = argument if given is not None else f"CONVERTRO_{variable}"
        self.value = given if given is not None else _variable(self._name) or default
        if not isinstance(self.value, str):
            raise self.wrong("must be a text")

    def check(self, check: Callable[[str], object]) -> None:
        """Raise `SettingsError` with this setting's name if `check` raises a ValueError."""
        try:
            check(self.value)
        except ValueError as error:
            raise self.wrong(str(error)) from None

    def wrong(self, reason: str) -> SettingsError:
        return SettingsError(f"{self._name}: {reason}")


def _variable(name: str) -> str:
    return trimmed(os.environ.get(name, ""))
