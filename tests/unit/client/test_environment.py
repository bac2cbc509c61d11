"""Where a client finds the journal, and its errors about wrong values."""

import pytest

from convertro import AsyncClient, Client, SettingsError


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "KEY_PREFIX", "SENTINEL_MASTER", "SENTINEL_PASSWORD", "DURABILITY"):
        monkeypatch.delenv(f"CONVERTRO_{name}", raising=False)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"url": "http://redis"}, "url"),
        ({"url": "redis://:secret@host:port/0"}, "url"),
        ({"url": "redis://host:0"}, "url"),
        ({"url": "redis://host/database"}, "url"),
        ({"url": "sentinel://one:26379"}, "CONVERTRO_SENTINEL_MASTER"),
        ({"url": "sentinel://one:26379", "sentinel_master": ""}, "sentinel_master"),
        ({"prefix": ""}, "prefix"),
        ({"prefix": "p" * 101}, "prefix"),
        ({"prefix": "p\n"}, "prefix"),
        ({"url": "redis://:secret\u200b@host/0"}, "url"),
        ({"durability": "disk"}, "durability"),
        ({"timeout_seconds": 0}, "timeout_seconds"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds"),
        ({"timeout_seconds": 1e10}, "timeout_seconds"),
        ({"timeout_seconds": -1}, "timeout_seconds"),
        ({"timeout_seconds": True}, "timeout_seconds"),
        ({"timeout_seconds": "2"}, "timeout_seconds"),
        ({"timeout_seconds": None}, "timeout_seconds"),
        ({"url": b"redis://:secret@host/0"}, "url"),
        ({"prefix": 1}, "prefix"),
        ({"sentinel_password": 5}, "sentinel_password"),
    ],
    ids=str,
)
@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_wrong_argument_is_named(client: type, arguments: dict[str, object], name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client(**arguments)
    assert str(caught.value).startswith(f"{name}: ")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CONVERTRO_REDIS_URL", "http://redis"),
        ("CONVERTRO_KEY_PREFIX", "p" * 101),
        ("CONVERTRO_DURABILITY", "disk"),
    ],
)
def test_a_wrong_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: "):
        Client()


def test_an_argument_wins_over_the_environment_and_an_empty_variable_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVERTRO_REDIS_URL", "redis://elsewhere:7000/3")
    monkeypatch.setenv("CONVERTRO_KEY_PREFIX", "")
    journal = Client("redis://here:7001/1")._journal
    where = journal._redis.connection_pool.connection_kwargs
    assert (where["host"], where["port"], where["db"]) == ("here", 7001, 1)
    assert journal._key("due") == "{convertro}:due"
    where = Client()._journal._redis.connection_pool.connection_kwargs
    assert (where["host"], where["port"], where["db"]) == ("elsewhere", 7000, 3)


def test_what_surrounds_a_variable_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker reads a variable in the same way, so that both mean the same journal."""
    monkeypatch.setenv("CONVERTRO_REDIS_URL", " redis://elsewhere:7000/3\n")
    monkeypatch.setenv("CONVERTRO_KEY_PREFIX", "{shop}:\n")
    monkeypatch.setenv("CONVERTRO_DURABILITY", "fsync\r\n")
    journal = Client()._journal
    assert journal._redis.connection_pool.connection_kwargs["port"] == 7000
    assert journal._key("due") == "{shop}:due"
