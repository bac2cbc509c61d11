"""The sandbox's server: its answers in place of Convertro, its start and its stop."""

import asyncio
import random
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from worker.cli.terminal.interrupts import heeded
from worker.lab.sandbox import replies
from worker.lab.sandbox.contract import MAX_BODY_BYTES, Violation, endpoint_of, violation_of
from worker.lab.sandbox.control import CONTROL_PREFIX, Control
from worker.lab.sandbox.faults import FaultRule
from worker.lab.sandbox.listener import Listener
from worker.lab.sandbox.matching import FaultBook
from worker.lab.sandbox.recorder import ReceivedRequest, Recorder

#: How long a stopping sandbox waits for answers that it has begun, in seconds.
_SHUTDOWN_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """The options of `convertro sandbox`."""

    host: str
    #: 0 for any free port.
    port: int
    #: How long every answer takes, in seconds.
    latency_seconds: float
    #: The only `client_name/site_id` that is known; None if every one is.
    account: str | None
    #: The most requests, and the most accepted calls, that are kept.
    keep: int
    #: The file in which accepted calls are recorded; None for none.
    record: Path | None
    #: The seed of the random choice of requests by rules with a ratio.
    seed: int
    rules: tuple[FaultRule, ...]


class _Vendor:
    """Stands in for Convertro: checks and records requests, answers them or fails."""

    def __init__(
        self, recorder: Recorder, faults: FaultBook, options: SandboxOptions, busy: set[object]
    ) -> None:
        self._recorder = recorder
        self._faults = faults
        self._options = options
        self._chance = random.Random(options.seed).random  # noqa: S311 - repeatable, not secret
        self._busy = busy

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to Convertro."""
        if _is_gone(request):
            return web.Response()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            body = None
        if _is_gone(request):
            return web.Response()
        connection = request.protocol
        self._busy.add(connection)
        try:
            return await self._respond(request, body)
        finally:
            self._busy.discard(connection)

    async def _respond(self, request: web.Request, body: bytes | None) -> web.StreamResponse:
        received, violation = self._receive(request, body)
        rule = self._faults.choose(received, time.monotonic(), self._chance)
        if rule is not None:
            self._recorder.fail(received, rule.kind)
        if violation is None:
            proper = replies.ok()
            if rule is None or rule.accepts_call:
                self._recorder.accept(received)
        else:
            proper = replies.error(violation.status, violation.message)
            received.message = violation.message
        await asyncio.sleep(self._options.latency_seconds)
        response = await replies.answer(request, rule, proper) if rule else proper
        if response is None:
            return proper  # not sent, because the fault ended the connection
        self._recorder.answer(received, response.status)
        return response

    def _receive(
        self, request: web.Request, body: bytes | None
    ) -> tuple[ReceivedRequest, Violation | None]:
        """Record and check a request; its body is None if it was too large to be read."""
        received = ReceivedRequest(
            received_at=time.time(),
            key=request.headers.get("Idempotency-Key", ""),
            method=request.method,
            path=request.rel_url.raw_path,
            endpoint=endpoint_of(request.rel_url.raw_path, self._options.account),
            body=body or b"",
        )
        self._recorder.receive(received)
        if body is None:
            return received, Violation(413, f"the body is larger than {MAX_BODY_BYTES} bytes")
        content_type = request.headers.get("Content-Type", "")
        return received, violation_of(
            received.method, received.endpoint, content_type, received.key, body
        )


def _is_gone(request: web.Request) -> bool:
    """Whether the connection ended before the request was read, so that it cannot be answered."""
    return request.transport is None


async def serve(options: SandboxOptions, announce: Callable[[str], None]) -> None:
    """Run the sandbox until SIGTERM or SIGINT.

    Args:
        options: The command's options.
        announce: Called with the base URL once the sandbox listens.

    Raises:
        OSError: It cannot bind to the address, or the record file cannot be opened.
        RecordFileError: The record file is not a record file.
    """
    stop = asyncio.Event()
    for number in heeded((signal.SIGTERM, signal.SIGINT)):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    runner = web.AppRunner(
        app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_SECONDS
    )
    with ExitStack() as at_end:
        recorder = at_end.enter_context(closing(Recorder(options.keep, options.record)))
        faults = FaultBook()
        listener = at_end.enter_context(closing(Listener(runner, options.host, options.port)))
        control = Control(recorder, faults, listener, options.seed)
        app.add_routes(control.routes())
        app.router.add_route("*", f"{CONTROL_PREFIX}{{path:.*}}", control.unknown)
        vendor = _Vendor(recorder, faults, options, listener.busy)
        app.router.add_route("*", "/{path:.*}", vendor.handle)
        await runner.setup()
        await listener.settle()
        for rule in options.rules:
            control.install(rule)
        announce(listener.base_url)
        await stop.wait()
        await control.clear_faults()
        await runner.cleanup()
