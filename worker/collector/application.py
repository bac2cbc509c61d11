"""From a request to its answer: checks the sender, reads the events, stores them in the journal."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from itertools import islice
from time import monotonic
from typing import NamedTuple

from aiohttp import StreamReader, web
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from config.settings import Settings
from convertro.async_intake import AsyncIntake, News
from convertro.errors import InvalidEvent, JournalUnavailable
from convertro.intake import CHUNK_EVENTS, Row
from worker.collector import answers
from worker.collector.answers import Answer, Refused
from worker.collector.metrics import CollectorMetrics
from worker.collector.rate import Rate
from worker.collector.reception import Document, Receipt, Reception, read_document
from worker.collector.refusal_log import RefusalLog
from worker.collector.routes import Action, Route, route_of
from worker.collector.settings_answer import settings_answer
from worker.collector.whole_response import WholeResponse
from worker.collector.write_keys import WriteKeys, basic_user, is_signed
from worker.process.outage import Outage
from worker.segment_batch import Entry, entries_of
from worker.status.health import Verdict

#: How long a client may take to send a body, in seconds.
BODY_SECONDS = 30.0

#: Headers that may hold the signature. The first one's signs a whole body, the second one's the
#: first event of a body.
_SIGNATURES = ("X-Segment-Signature", "X-Signature")

#: What a browser asks for before it sends from a page of another origin. `Retry-After` is not
#: exposed to the page: Segment's library drops an event after ten such waits, but goes on longer by
#: its own backoff.
_PREFLIGHT_HEADERS = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    # SDKs send the last one with each retry.
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding, X-Retry-Count",
    "Access-Control-Max-Age": "86400",
}

#: Actions whose requests carry events.
_BRINGING = frozenset({Action.COLLECT, Action.WEBHOOK})

#: The format for zlib: a gzip header, and the largest window.
_GZIP = 16 + zlib.MAX_WBITS

#: The most members that gzip data may have. Senders use one, and each costs a copy of the data
#: behind it.
_MAX_GZIP_MEMBERS = 100

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Handed(NamedTuple):
    """A document's events, handed to the journal, which has not answered yet."""

    #: The number of events that were handed over.
    events: int
    #: The journal's answers, still to come.
    futures: Sequence["asyncio.Future[News]"]
    #: The index and fault of each event that cannot be accepted.
    errors: Sequence[tuple[int, InvalidEvent]]


class Application:
    """Answers requests.

    Args:
        settings: The webhook secret, the known origins and the rate of requests.
        keys: The write keys that are known.
        intake: Takes events into the journal.
        metrics: Where requests and events are counted.
        judge: Judges whether events can be accepted.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        keys: WriteKeys,
        intake: AsyncIntake,
        metrics: CollectorMetrics,
        judge: Callable[[], Awaitable[Verdict]],
    ) -> None:
        self._keys = keys
        self._intake = intake
        self._metrics = metrics
        self._judge = judge
        self._secret = settings.webhook_secret
        self._origins: Collection[str] = frozenset(settings.known_origins)
        self._rate = Rate(settings.collector_requests_per_second, monotonic)
        self._log = RefusalLog()
        self._outage = Outage("journal", alarms=True)
        self._actions = {
            Action.COLLECT: self._collect,
            Action.WEBHOOK: self._webhook,
            Action.SETTINGS: self._settings,
            Action.IGNORE: _ignore,
            Action.LIVE: _live,
            Action.READY: self._ready,
            Action.METRICS: self._exposition,
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request and count it."""
        began = monotonic()
        route, path_key = route_of(request.raw_path)
        try:
            answer = await self._answer(request, route, path_key)
        except Refused as refused:
            answer = refused.answer
            if answer.refusal:
                self._log.note(answer.refusal)
        name = route.name if route else "other"
        self._metrics.request(name, answer.status).inc()
        if route and route.action in _BRINGING and request.method == route.method:
            self._metrics.seconds.observe(monotonic() - began)
        return self._response(request, answer)

    def _response(self, request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
        headers = {"Server": "convertro", **answer.headers}
        if self._origins:
            headers["Vary"] = "Origin"
            if (origin := request.headers.get("Origin")) in self._origins:
                headers["Access-Control-Allow-Origin"] = str(origin)
                if request.method == "OPTIONS":
                    headers |= _PREFLIGHT_HEADERS
        headers["Content-Type"] = answer.content_type
        return WholeResponse(request, answer.status, headers, answer.body)

    async def _answer(self, request: web.BaseRequest, route: Route | None, path_key: str) -> Answer:
        if route is None:
            raise Refused(answers.NOT_FOUND)
        if request.method == "OPTIONS":
            return answers.PREFLIGHT
        if request.method != route.method and (request.method, route.method) != ("HEAD", "GET"):
            raise Refused(answers.not_allowed(route.method))
        return await self._actions[route.action](request, route, path_key)

    async def _collect(self, request: web.BaseRequest, route: Route, _key: str) -> Answer:
        key = basic_user(request.headers.get("Authorization", ""))
        if key:
            self._admit(key)
        received_at = datetime.now(UTC)
        document = _parsed(await _body_of(request))
        if not key:
            content = document.content
            named = content.get("writeKey") if isinstance(content, dict) else None
            self._admit(named if isinstance(named, str) else "")
        handed = await self._hand_over(document, Receipt(received_at, route.event_type))
        # Together, the documents of all waiting requests would not fit into a processor's cache.
        del document
        return await self._taken(handed)

    async def _webhook(self, request: web.BaseRequest, _route: Route, _key: str) -> Answer:
        if not self._secret:
            raise Refused(answers.NO_WEBHOOKS)
        received_at = datetime.now(UTC)
        body = await _body_of(request)
        signature = next(filter(None, map(request.headers.get, _SIGNATURES)), "")
        if not is_signed(body, signature, self._secret.get_secret_value()):
            raise Refused(answers.BAD_SIGNATURE)
        handed = await self._hand_over(_parsed(body), Receipt(received_at, by_segment=True))
        return await self._taken(handed)

    async def _settings(self, _request: web.BaseRequest, _route: Route, key: str) -> Answer:
        self._admit(key)
        return Answer(200, settings_answer(key))

    async def _ready(self, _request: web.BaseRequest, _route: Route, _key: str) -> Answer:
        verdict = await self._judge()
        return answers.text(200 if verdict.good else 503, verdict.sentence)

    async def _exposition(self, _request: web.BaseRequest, _route: Route, _key: str) -> Answer:
        return Answer(200, self._metrics.exposition(), CONTENT_TYPE_LATEST)

    def _admit(self, key: str) -> None:
        """Refuse the request if its write key is unknown or used too often."""
        found = self._keys.find(key)
        if found is None:
            raise Refused(answers.UNKNOWN_KEY)
        if wait_seconds := self._rate.wait_seconds(found):
            raise Refused(answers.too_often(wait_seconds))

    async def _taken(self, handed: _Handed) -> Answer:
        """Wait until the journal has the events that were handed over, and answer."""
        accepted, futures, errors = handed
        if errors:
            self._count_errors(errors)
        outcomes = [await _outcome(one) for one in futures]
        self._count(outcomes, accepted)
        if failure := next((one for one in outcomes if isinstance(one, BaseException)), None):
            if not isinstance(failure, JournalUnavailable):
                raise failure
            self._outage.note(failure.reason)
            raise Refused(answers.UNAVAILABLE) from failure
        if accepted:
            self._outage.end()
        return answers.taken(accepted, errors)

    async def _hand_over(self, document: Document, receipt: Receipt) -> _Handed:
        """Hand events to the journal in chunks, between which other requests are served."""
        found = entries_of(document.content, path_type=receipt.event_type)
        entries: list[Entry] = list(islice(found, answers.MAX_EVENTS + 1))
        if len(entries) > answers.MAX_EVENTS:
            raise Refused(answers.TOO_MANY)
        reception = Reception(receipt, document.encode)
        futures: list[asyncio.Future[News]] = []
        errors: list[tuple[int, InvalidEvent]] = []
        for begin in range(0, len(entries), CHUNK_EVENTS):
            if begin:
                await asyncio.sleep(0)
            rows: list[Row] = []
            for index, entry in enumerate(entries[begin : begin + CHUNK_EVENTS], start=begin):
                try:
                    rows.append(reception.row_of(entry))
                except InvalidEvent as error:
                    errors.append((index, error))
            if rows:
                futures.append(self._intake.submit(rows))
        return _Handed(len(entries) - len(errors), futures, errors)

    def _count_errors(self, errors: Sequence[tuple[int, InvalidEvent]]) -> None:
        for _, error in errors:
            field = answers.field_of(error)
            self._metrics.refused[field].inc()
            self._log.note(f"event:{field}")
        self._metrics.events["refused"].inc(len(errors))

    def _count(self, outcomes: Sequence[News | BaseException], events: int) -> None:
        """Count what became of the events that were handed over."""
        new = safe = 0
        for outcome in outcomes:
            if not isinstance(outcome, BaseException):
                new += sum(outcome)
                safe += len(outcome)
        if new:
            self._metrics.events["accepted"].inc(new)
        if safe > new:
            self._metrics.events["duplicate"].inc(safe - new)
        if events > safe:
            self._metrics.events["unavailable"].inc(events - safe)


async def _ignore(_request: web.BaseRequest, _route: Route, _key: str) -> Answer:
    return answers.TAKEN


async def _live(_request: web.BaseRequest, _route: Route, _key: str) -> Answer:
    return answers.text(200, "this process runs")


async def _outcome(handed: "asyncio.Future[News]") -> News | BaseException:
    try:
        return await handed
    except (JournalUnavailable, RedisError) as error:
        return error


def _parsed(body: bytes) -> Document:
    try:
        return read_document(body)
    except (ValueError, RecursionError):
        raise Refused(answers.NOT_JSON) from None


async def _body_of(request: web.BaseRequest) -> bytes:
    """A request's body, unpacked.

    Raises:
        Refused: The body is too large, comes too slowly, or cannot be unpacked.
    """
    if (request.content_length or 0) > answers.MAX_BODY_BYTES:
        raise Refused(answers.TOO_LARGE)
    body = await _read(request)
    if len(body) > answers.MAX_BODY_BYTES:  # a chunked body does not announce its length
        raise Refused(answers.TOO_LARGE)
    if request.headers.get("Content-Encoding", "").lower() != "gzip":
        return body
    return _unpacked(body)


def _unpacked(packed: bytes) -> bytes:
    """Unpack gzip data: one member or several, with nothing but zeros behind them."""
    unpacked = bytearray()
    for _ in range(_MAX_GZIP_MEMBERS):
        unpacking = zlib.decompressobj(_GZIP)
        try:
            unpacked += unpacking.decompress(packed, answers.MAX_BODY_BYTES + 1 - len(unpacked))
        except zlib.error:
            raise Refused(answers.NOT_JSON) from None
        if len(unpacked) > answers.MAX_BODY_BYTES:
            raise Refused(answers.TOO_LARGE)
        if not unpacking.eof:
            raise Refused(answers.NOT_JSON)
        packed = unpacking.unused_data.lstrip(b"\0")
        if not packed:
            return bytes(unpacked)
    raise Refused(answers.NOT_JSON)


async def _read(request: web.BaseRequest) -> bytes:
    """Read a request's body as it was sent."""
    content = request.content
    if content.is_eof():  # nearly always: the body came with the headers
        return content.read_nowait()
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _bounded(content)
    except TimeoutError:
        raise Refused(answers.TOO_SLOW) from None
    except (web.RequestPayloadError, ConnectionError):  # the body broke off
        raise Refused(answers.NOT_JSON) from None


async def _bounded(content: StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := await content.readany():
        size += len(part)
        if size > answers.MAX_BODY_BYTES:
            raise Refused(answers.TOO_LARGE)
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
