"""A Redis URL is read once, and both libraries get the same parts of it."""

import certifi
import pytest
from pydantic import ValidationError
from redis.connection import parse_url

from config.celeryconfig import celery_config
from config.settings import Settings
from convertro import Client, SettingsError
from convertro.redis_url import parse_redis_url

CA_FILE = certifi.where()

REQUIRED = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("url", "where", "broker_url"),
    [
        ("redis://host", ("host", 6379, 0, None, None), "redis://host:6379/0"),
        ("redis://host:7000/3", ("host", 7000, 3, None, None), "redis://host:7000/3"),
        ("redis://host/", ("host", 6379, 0, None, None), "redis://host:6379/0"),
        ("redis://:p@host/1", ("host", 6379, 1, None, "p"), "redis://:p@host:6379/1"),
        ("redis://u:p%40%2F@host", ("host", 6379, 0, "u", "p@/"), "redis://u:p%40%2F@host:6379/0"),
        ("redis://[::1]:7000/2", ("::1", 7000, 2, None, None), "redis://[::1]:7000/2"),
    ],
)
def test_the_parts_are_those_that_redis_py_reads_and_kombu_is_given(
    url: str, where: tuple[object, ...], broker_url: str
) -> None:
    parts = parse_redis_url(url)
    assert (parts.host, parts.port, parts.db, parts.username, parts.password) == where
    assert parts.broker_url == broker_url
    read = parse_url(broker_url)
    names = ("host", "port", "db", "username", "password")
    assert tuple(read.get(name) for name in names) == where
    assert parts.tls is None
    assert "p@" not in repr(parts)


@pytest.mark.parametrize(
    ("query", "tls"),
    [
        ("", REQUIRED),
        (f"?ssl_ca_certs={CA_FILE}", {**REQUIRED, "ssl_ca_certs": CA_FILE}),
        ("?ssl_cert_reqs=none", {"ssl_cert_reqs": "none", "ssl_check_hostname": False}),
        ("?ssl_check_hostname=false", {"ssl_cert_reqs": "required", "ssl_check_hostname": False}),
    ],
)
def test_tls_is_checked_unless_the_url_says_otherwise(query: str, tls: dict[str, object]) -> None:
    settings = Settings(redis_url=f"rediss://host/0{query}")
    assert parse_redis_url(f"rediss://host/0{query}").tls == tls
    told = celery_config(settings, 1.0)
    assert (told["broker_url"], told["broker_use_ssl"]) == ("rediss://host:6379/0", tls)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "sentinel"])
def test_a_scheme_may_be_in_capitals(scheme: str) -> None:
    """Else it would be a Redis to the journal and an unknown kind of broker to Celery."""
    usual, capitals = (
        celery_config(Settings(redis_url=f"{word}://host/1", sentinel_master="main"), 1.0)
        for word in (scheme, scheme.upper())
    )
    names = ("broker_url", "broker_use_ssl", "broker_transport_options", "worker_disable_prefetch")
    assert [usual[name] for name in names] == [capitals[name] for name in names]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis://host?protocol=3", "does not take protocol: "),
        ("redis://host?socket_timeout=30", "does not take socket_timeout: "),
        ("redis://host?db=3", "does not take db: "),
        ("redis://host?timeout=20", "does not take timeout: "),
        ("redis://host?Secret%20=", "does not take a query: "),
        ("redis://host/foo", "must end in the number of a database"),
        ("redis://host/1/2", "must end in the number of a database"),
        (f"redis://host/{10**30}", "must end in the number of a database"),
        ("redis://host?ssl_cert_reqs=none", "takes ssl_cert_reqs with rediss:// alone"),
        ("rediss://host?ssl_cert_reqs=maybe", "must say required or optional or none for ssl_cert"),
        ("rediss://host?ssl_ca_certs=", "must say something for ssl_ca_certs"),
        (
            "rediss://host?ssl_ca_certs=/no/ca",
            "cannot read '/no/ca', which ssl_ca_certs names: No s",
        ),
        ("rediss://host?ssl_certfile=/", "cannot read '/', which ssl_certfile names: Is a dir"),
        ("rediss://host?ssl_certfile=%00", r"cannot read '\x00', which ssl_certfile names: is no"),
        (
            f"rediss://host?ssl_certfile={CA_FILE}&ssl_keyfile=/no/key",
            "cannot read '/no/key', which ssl_keyfile names: No such file",
        ),
        (f"rediss://host?ssl_keyfile={CA_FILE}", "takes ssl_keyfile with ssl_certfile alone"),
        ("redis://:sec#ret@host", "must be a redis://"),
        ("redis://:sec/ret@host", "must be a redis://"),
        ("redis://", "must be a redis://"),
        ("redis://host:99999", "must be a redis://"),
        ("host:6379", "must be a redis://"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, url: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        Client(url)
    assert str(caught.value).startswith(f"url: {says}")
    with pytest.raises(ValidationError) as refused:
        Settings(redis_url=url)
    assert says in str(refused.value)
    assert "ret@" not in str(caught.value) + str(refused.value)


def test_a_broker_that_is_a_redis_is_read_in_the_same_way() -> None:
    with pytest.raises(ValidationError, match="does not take protocol"):
        Settings(broker_url="redis://host?protocol=3")
    url = "amqp://user:word@host//?heartbeat=9"
    assert Settings(broker_url=url).celery_broker_url == url


def test_the_files_of_a_broker_need_not_be_where_no_worker_is() -> None:
    settings = Settings(broker_url="rediss://host?ssl_ca_certs=/no/ca")
    assert settings.celery_broker_tls == {**REQUIRED, "ssl_ca_certs": "/no/ca"}
