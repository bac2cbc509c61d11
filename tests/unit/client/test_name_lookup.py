"""A name lookup ends in time, whatever the resolver does."""

import socket
from threading import Event, Thread
from typing import Any

import pytest
from redis.connection import Connection

from convertro.name_lookup import BoundedConnection, look_up
from tests.support.interruption import interrupted_everywhere

FOUND = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.7", 6379))]


def test_an_address_is_its_own_answer() -> None:
    assert look_up("127.0.0.1", 6379, 5) == ["127.0.0.1"]


def test_an_unknown_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(socket.gaierror):
        look_up("nowhere.example.com", 6379, 5)


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".example.com"])
def test_an_invalid_name_is_reported(name: str) -> None:
    with pytest.raises(OSError, match="not known"):
        look_up(name, 6379, 5)


def test_all_threads_that_wait_for_a_name_share_one_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = [], []
    goes_on = Event()

    def slow(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        goes_on.wait()
        return FOUND

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(TimeoutError):
        look_up("slow.example.com", 6379, 0.01)
    threads = [
        Thread(target=lambda: answers.append(look_up("slow.example.com", 6379, 30)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    goes_on.set()
    for thread in threads:
        thread.join()
    assert answers == [["10.0.0.7"]] * 8
    assert 1 <= len(asked) <= 2  # a thread may begin only after the first lookup ended


def test_the_addresses_of_a_host_share_its_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def dead(connection: Any) -> None:
        tried.append((connection.host, connection.socket_connect_timeout))
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: FOUND * 3)
    monkeypatch.setattr(Connection, "_connect", dead)
    connection = BoundedConnection(host="redis.example.com", socket_connect_timeout=30)
    with pytest.raises(TimeoutError):
        connection._connect()
    (_, first), _, (last, _) = tried
    assert first <= 10
    assert last == "10.0.0.7"
    assert (connection.host, connection.socket_connect_timeout) == ("redis.example.com", 30)


def test_an_interrupted_lookup_does_not_keep_later_ones_waiting() -> None:
    for _ in interrupted_everywhere(lambda: look_up("127.0.0.1", 6379, 60)):
        assert look_up("127.0.0.1", 6379, 60) == ["127.0.0.1"]
