"""Where a journal is, in words: never a password."""

import pytest

from config.settings import Settings
from worker.status.place import place_words


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://host/3", "Redis host:6379, database 3, keys {convertro}:*"),
        ("redis://me:secret@[::1]:7000", "Redis [::1]:7000, database 0, keys {convertro}:*"),
        (
            "rediss://:secret@host:6380/1",
            "Redis host:6380 with TLS, database 1, keys {convertro}:*",
        ),
        (
            "sentinel://:secret@a:26379/2;sentinel://b",
            "Redis prod (by Sentinels a:26379, b:26379), database 2, keys {convertro}:*",
        ),
    ],
    ids=str,
)
def test_the_place_is_shown_without_the_password(url: str, words: str) -> None:
    assert place_words(Settings(redis_url=url, sentinel_master="prod")) == words
