"""`sentinel://` URLs: what is read, what is refused, what Celery gets."""

import pytest
from kombu import Connection

from config.celeryconfig import celery_config
from config.settings import Settings, load_settings
from convertro.errors import SettingsError
from convertro.sentinel import parse_sentinel_url

THREE = "sentinel://:p%40ss@one:26379/2;sentinel://two;sentinel://[::1]:26380"


def test_the_first_address_says_how_to_log_in() -> None:
    url = parse_sentinel_url(THREE)
    assert url.addresses == (("one", 26379), ("two", 26379), ("::1", 26380))
    assert (url.username, url.password, url.db) == (None, "p@ss", 2)
    assert "p@ss" not in repr(url)


@pytest.mark.parametrize(
    ("text", "db"), [("sentinel://one", 0), ("sentinel://one/", 0), ("sentinel://one/3", 3)]
)
def test_the_database_may_be_left_out(text: str, db: int) -> None:
    assert parse_sentinel_url(text).db == db


def test_an_address_may_repeat_what_the_first_one_said() -> None:
    text = "sentinel://ada:secret@one/1;sentinel://ada:secret@two/1"
    assert parse_sentinel_url(text).broker_url == (
        "sentinel://ada:secret@one:26379/1;sentinel://ada:secret@two:26379/1"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sentinel://", "must be sentinel://host:port"),
        ("sentinel://one;", "must be sentinel://host:port"),
        ("sentinel://one,two", "must be sentinel://host:port"),
        ("sentinel://one:secret", "must be sentinel://host:port"),
        ("sentinel://one;redis://two", "must be sentinel://host:port"),
        ("sentinel://one?db=1", "must be sentinel://host:port"),
        ("sentinel://one/secret", "a number for a database"),
        (f"sentinel://one/{10**30}", "a number for a database"),
        ("sentinel://one;sentinel://two/1", "at the first address"),
        ("sentinel://:secret@one;sentinel://:other@two", "at the first address"),
    ],
)
@pytest.mark.parametrize("name", ["REDIS_URL", "BROKER_URL"])
def test_a_wrong_url_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, says: str
) -> None:
    monkeypatch.setenv(f"CONVERTRO_{name}", text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"CONVERTRO_{name}: ")
    assert says in line
    assert "secret" not in line


@pytest.mark.parametrize("name", ["REDIS_URL", "BROKER_URL"])
def test_the_name_of_the_master_is_needed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"CONVERTRO_{name}", "sentinel://one")
    with pytest.raises(
        SettingsError, match=f"CONVERTRO_SENTINEL_MASTER must be set: CONVERTRO_{name} names"
    ):
        load_settings()


def test_celery_keeps_the_login_whichever_sentinel_it_tries() -> None:
    """kombu reads login and database from the address that it tries, not from the first."""
    settings = Settings(redis_url=THREE, sentinel_master="main", sentinel_password="watch")
    config = celery_config(settings, 0.9)
    options = config["broker_transport_options"]
    assert options["master_name"] == "main"
    assert options["sentinel_kwargs"]["password"] == "watch"
    connection = Connection(config["broker_url"], transport_options=options)
    for host in ("one", "two", "::1", "one"):
        assert (connection.hostname, connection.password) == (host, "p@ss")
        assert connection.virtual_host == "2"
        connection.maybe_switch_next()


def test_a_plain_redis_has_nothing_of_sentinels() -> None:
    options = celery_config(Settings(), 0.9)["broker_transport_options"]
    assert "master_name" not in options
    assert "sentinel_kwargs" not in options


def test_sentinel_secrets_are_masked() -> None:
    settings = Settings(
        redis_url="sentinel://:hush@one", sentinel_master="main", sentinel_password="hush"
    )
    assert "hush" not in f"{settings!r} {settings}"
