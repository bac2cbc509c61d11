"""Recognises wake-ups in the queue; all other messages are foreign, and are dropped and counted.

A message must have the form of a wake-up; the forms of others are not listed. Celery then gets a
new message, made from the wake-up's token; nothing else of the received one reaches Celery.
"""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from threading import Lock
from time import monotonic
from typing import Annotated, Any, Literal

import msgspec
import structlog
from msgspec import Meta, Struct, field

from worker.log_actions import LogAction
from worker.process.once_a_minute import OnceAMinute
from worker.task_names import DELIVER

#: Most bytes of a message that is read. A wake-up has a tenth of that; the rest is for the headers
#: of tracing tools.
MAX_BYTES = 16_384

log = structlog.stdlib.get_logger(__name__)


class Kind(StrEnum):
    """Kinds of foreign messages."""

    #: It is no JSON object, or too large for a wake-up.
    UNREADABLE = "unreadable"
    #: Its headers name no task.
    NOT_A_TASK = "not_a_task"
    #: It names another task than ours, such as one of Celery's own.
    UNKNOWN_TASK = "unknown_task"
    #: It names our task, but has other arguments, times or callbacks than a wake-up, or another
    #: form.
    NOT_A_WAKEUP = "not_a_wakeup"


class ForeignMessageError(Exception):
    """A message is no wake-up."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


# The form of a wake-up, as far as it matters to Celery; other fields are ignored.


class _Nothing(Struct, forbid_unknown_fields=True):
    """An empty object."""


#: Further tasks that Celery would run with a task; a wake-up has none.
_Embed = dict[Literal["callbacks", "errbacks", "chain", "chord"], None]
#: Celery's own ids are UUIDs; a token is a UUID without hyphens, or half of one.
_TaskId = Annotated[str, Meta(pattern=r"\A[0-9a-f-]{16,36}\Z")]
#: Earlier versions sent the token as an argument, besides an id of Celery's.
_Token = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
_Arguments = Annotated[list[_Token], Meta(max_length=1)]
_Body = msgspec.json.Decoder(tuple[_Arguments, _Nothing, _Embed])


class _Headers(Struct):
    lang: Literal["py"]
    id: _TaskId
    root_id: str | None = None
    parent_id: str | None = None
    eta: None = None
    expires: None = None
    group: None = None
    shadow: None = None
    compression: None = None
    stamped_headers: None = None
    stamps: _Nothing | None = None
    timelimit: tuple[None, None] = (None, None)
    retries: Literal[0] = 0
    argsrepr: str | None = None
    kwargsrepr: str | None = None
    origin: str | None = None
    ignore_result: bool | None = None


class _Message(Struct, kw_only=True):
    headers: _Headers
    body: bytes
    content_type: Literal["application/json"] = field(name="content-type")
    content_encoding: Literal["utf-8"] = field(name="content-encoding")


class _DeliveryInfo(Struct, forbid_unknown_fields=True):
    exchange: str = ""
    routing_key: str = ""
    #: Whether kombu put it back into the queue, because it was taken and never acknowledged.
    redelivered: bool = False


class _Properties(Struct):
    body_encoding: Literal["base64"]
    delivery_tag: str
    delivery_info: _DeliveryInfo
    priority: int = 0
    reply_to: str | None = None


class _Entry(_Message, kw_only=True):
    """A message as kombu keeps it in a list of Redis."""

    properties: _Properties


def read_entry(entry: bytes) -> str:
    """Read the token of a wake-up from an entry of the queue's list in Redis.

    Raises:
        ForeignMessageError: The entry is no wake-up.
    """
    try:
        whole = msgspec.json.decode(entry) if len(entry) <= MAX_BYTES else None
    except Exception:  # noqa: BLE001  no message may stop a worker
        whole = None
    if not isinstance(whole, dict):
        raise ForeignMessageError(Kind.UNREADABLE)
    return _read(whole, _Entry)


def read_message(message: Any) -> str:
    """Read the token of a wake-up from kombu's message, of any broker, without unpacking it.

    Raises:
        ForeignMessageError: The message is no wake-up.
    """
    names = ("headers", "body", "content_type", "content_encoding")
    whole = {name.replace("_", "-"): getattr(message, name, None) for name in names}
    body = whole["body"]
    if isinstance(body, str):
        whole["body"] = body = body.encode(errors="replace")
    if not isinstance(body, bytes) or len(body) > MAX_BYTES:
        raise ForeignMessageError(Kind.UNREADABLE)
    return _read(whole, _Message)


def _read(whole: dict[str, Any], form: type[_Message]) -> str:
    headers = whole.get("headers")
    task = headers.get("task") if isinstance(headers, dict) else None
    if not isinstance(task, str):
        raise ForeignMessageError(Kind.NOT_A_TASK)
    if task != DELIVER:
        raise ForeignMessageError(Kind.UNKNOWN_TASK)
    try:
        message = msgspec.convert(whole, form)
        arguments, _, _ = _Body.decode(message.body)
    except Exception:  # noqa: BLE001  as above
        raise ForeignMessageError(Kind.NOT_A_WAKEUP) from None
    return arguments[0] if arguments else message.headers.id


class ForeignMessages:
    """Numbers of dropped messages that the journal has not counted or the log has not shown yet.

    Args:
        now: Seconds of a monotonic clock.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._lock = Lock()  # with the solo pool the ticker runs in another thread
        self._uncounted: Counter[str] = Counter()
        self._unsaid = OnceAMinute(now=now)

    def note(self, kind: Kind) -> None:
        """Count a dropped message."""
        with self._lock:
            self._uncounted[kind.value] += 1
            self._unsaid.note(kind.value)

    def uncounted(self) -> dict[str, int]:
        """Get how many of each kind the journal has not counted yet."""
        with self._lock:
            return dict(self._uncounted)

    def counted(self, numbers: dict[str, int]) -> None:
        """Subtract the numbers that the journal has counted."""
        with self._lock:
            self._uncounted = self._uncounted - Counter(numbers)

    def say(self) -> None:
        """Log the numbers of dropped messages, for each kind at most once a minute."""
        with self._lock:
            said = self._unsaid.take()
        for kind, messages in said.items():
            log.warning(
                "Messages that are no wake-ups were dropped: something else sends to this queue.",
                action=LogAction.FOREIGN_MESSAGE_DROPPED,
                kind=kind,
                messages=messages,
            )


#: The messages that this process dropped. It outlives consumers and tickers, which end with each
#: connection to the broker.
foreign_messages = ForeignMessages()
