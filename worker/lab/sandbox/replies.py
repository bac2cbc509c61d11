"""The answers, proper ones and those of each kind of fault."""

import asyncio
import socket
import struct

from aiohttp import web

from worker.lab.sandbox.contract import OK_BODY
from worker.lab.sandbox.faults import FaultRule

#: l_onoff=1, l_linger=0: closing sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

#: Statuses that have no body.
_BODILESS = frozenset({204, 205, 304})

_WEB_PAGE = "<!doctype html><title>Sign in</title><p>Please sign in to continue.</p>"


def ok() -> web.Response:
    """The answer to an accepted call."""
    return web.Response(body=OK_BODY, content_type="application/json")


def error(status: int, message: str) -> web.Response:
    """An answer with an error message."""
    return web.json_response({"status": "error", "message": message}, status=status)


async def answer(
    request: web.Request, rule: FaultRule, proper: web.Response
) -> web.StreamResponse | None:
    """Answer by a fault rule.

    Args:
        request: The request to answer.
        rule: A rule of any kind but `refuse`.
        proper: The answer that the request would have had without the rule.

    Returns:
        The response; None if the connection was ended instead.
    """
    match rule.kind:
        case "status":
            return _status(rule)
        case "error-body":
            return error(200, rule.message)
        case "web-page":
            return web.Response(text=_WEB_PAGE, content_type="text/html")
        case "slow":
            await asyncio.sleep(rule.delay_seconds or 0)
            return proper
        case "drip":
            return await _drip(request, rule, proper)
        case "reset":
            await _reset(request, proper)
        case _:
            await _hang(request, rule)
    return None


def _status(rule: FaultRule) -> web.Response:
    status = rule.code or 500
    response = web.Response(status=status)
    if status < 300:  # noqa: PLR2004 - statuses below it are successes
        response = web.Response(status=status, body=OK_BODY, content_type="application/json")
    elif status not in _BODILESS:
        response = error(status, f"status {status} by a fault rule")
    if rule.retry_after is not None:
        response.headers["Retry-After"] = rule.retry_after
    return response


async def _drip(request: web.Request, rule: FaultRule, proper: web.Response) -> web.StreamResponse:
    """Send the proper answer byte by byte, so that no single read waits long but the whole does."""
    response, body = await _begin(request, proper)
    for position in range(len(body)):
        await asyncio.sleep((rule.delay_seconds or 0) / len(body))
        await response.write(body[position : position + 1])
    return response


async def _reset(request: web.Request, proper: web.Response) -> None:
    """Send the headers and half of the body, then reset the connection."""
    response, body = await _begin(request, proper)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        request.transport.abort()


async def _hang(request: web.Request, rule: FaultRule) -> None:
    """Send nothing until the delay is over or the client disconnects."""
    if rule.delay_seconds is None:
        await asyncio.Event().wait()
    else:
        await asyncio.sleep(rule.delay_seconds)
    if request.transport is not None:
        request.transport.close()


async def _begin(request: web.Request, proper: web.Response) -> tuple[web.StreamResponse, bytes]:
    """Send the headers of an answer, and return its body for the caller to send."""
    body = proper.body if isinstance(proper.body, bytes) else b""
    response = web.StreamResponse(status=proper.status, headers=proper.headers)
    response.content_length = len(body)
    await response.prepare(request)
    return response, body
