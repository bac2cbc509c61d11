"""Messages in our queue that are not wake-ups: each is dropped and counted, none is interpreted.

A wake-up is known by what it is, not others by what is wrong with them. Celery gets a new message,
made from the wake-up's token; nothing else of what somebody sent reaches it.
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

#: A wake-up has a tenth of it, and room for the headers of tracing tools; more is not even read.
MAX_BYTES = 16_384

log = structlog.stdlib.get_logger(__name__)


class Kind(StrEnum):
    """What a foreign message is."""

    #: No JSON object, or too large for a wake-up.
    UNREADABLE = "unreadable"
    #: Its headers name no task.
    NOT_A_TASK = "not_a_task"
    #: A task that is not ours, Celery's own among them.
    UNKNOWN_TASK = "unknown_task"
    #: Our task, but not as we send it: other arguments, times, callbacks, or a form of its own.
    NOT_A_WAKEUP = "not_a_wakeup"


class ForeignMessageError(Exception):
    """A message is none of ours."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind)
        self.kind = kind


# The form of a wake-up, as far as it matters to Celery; what is not named here is not looked at.


class _Nothing(Struct, forbid_unknown_fields=True):
    """An empty object."""


#: What Celery would do besides.
_Embed = dict[Literal["callbacks", "errbacks", "chain", "chord"], None]
#: Ids of Celery's own making are UUIDs; a token is one without hyphens, or half of one.
_TaskId = Annotated[str, Meta(pattern=r"\A[0-9a-f-]{16,36}\Z")]
#: Earlier versions sent the token as an argument, beside an id.
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
    #: kombu put it back, because it was taken and never acknowledged.
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
    """The token of a wake-up that is an entry of the queue's list in Redis.

    Raises:
        ForeignMessageError: It is no wake-up.
    """
    try:
        whole = msgspec.json.decode(entry) if len(entry) <= MAX_BYTES else None
    except Exception:  # noqa: BLE001  whatever it is, a message must not stop a worker
        whole = None
    if not isinstance(whole, dict):
        raise ForeignMessageError(Kind.UNREADABLE)
    return _read(whole, _Entry)


def read_message(message: Any) -> str:
    """The same of a message as a broker's library hands it over, without unpacking it.

    Raises:
        ForeignMessageError: It is no wake-up.
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
    except Exception:  # noqa: BLE001  the same
        raise ForeignMessageError(Kind.NOT_A_WAKEUP) from None
    return arguments[0] if arguments else message.headers.id


class ForeignMessages:
    """How many this worker dropped, until the journal has counted them and the log has said so.

    Args:
        now: Seconds of a clock that never goes back.
    """

    def __init__(self, *, now: Callable[[], float] = monotonic) -> None:
        self._lock = Lock()  # some pools tick in a thread of their own
        self._uncounted: Counter[str] = Counter()
        self._unsaid = OnceAMinute(now=now)

    def note(self, kind: Kind) -> None:
        """One was dropped."""
        with self._lock:
            self._uncounted[kind.value] += 1
            self._unsaid.note(kind.value)

    def uncounted(self) -> dict[str, int]:
        """How many of each kind the journal is to count."""
        with self._lock:
            return dict(self._uncounted)

    def counted(self, numbers: dict[str, int]) -> None:
        """The journal has counted so many."""
        with self._lock:
            self._uncounted = self._uncounted - Counter(numbers)

    def say(self) -> None:
        """Log what was dropped, each kind once a minute at most."""
        with self._lock:
            said = self._unsaid.take()
        for kind, messages in said.items():
            log.warning(
                "Messages that are no wake-ups were dropped: something else sends to this queue.",
                action=LogAction.FOREIGN_MESSAGE_DROPPED,
                kind=kind,
                messages=messages,
            )


#: What this process dropped. It outlives consumers and tickers, which come and go with the broker.
foreign_messages = ForeignMessages()
