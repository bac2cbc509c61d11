"""Which path does what: those of Segment's HTTP Tracking API, and our own. Pure."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple, get_args

from convertro.types import EventType


class Action(Enum):
    """What is done with a request."""

    #: Its body holds events.
    COLLECT = auto()
    #: The same, signed by Segment.
    WEBHOOK = auto()
    #: Tell an SDK that it may send.
    SETTINGS = auto()
    #: What SDKs measure of themselves: answered and thrown away.
    IGNORE = auto()
    #: Whether this process runs.
    LIVE = auto()
    #: Whether events can be accepted.
    READY = auto()
    METRICS = auto()


class Route(NamedTuple):
    """What answers a path."""

    #: Stable and one of few, for metrics.
    name: str
    method: str
    action: Action
    #: The type of events that name none.
    event_type: str | None = None


_SEGMENTS, _SLASHES = re.compile("/+v1/"), re.compile("/+")

_SETTINGS = re.compile(r"/v1/projects/([^/]+)/settings")
SETTINGS_ROUTE = Route("settings", "GET", Action.SETTINGS)


def _routes() -> Iterator[tuple[str, Route]]:
    for name in get_args(EventType):
        route = Route(name, "POST", Action.COLLECT, name)
        yield from ((f"/v1/{name}", route), (f"/v1/{name[0]}", route))
    for name in ("batch", "import"):
        yield f"/v1/{name}", Route(name, "POST", Action.COLLECT)
    yield "/v1/b", Route("batch", "POST", Action.COLLECT)
    yield "/v1/webhook", Route("webhook", "POST", Action.WEBHOOK)
    yield "/v1/m", Route("metrics_of_sdk", "POST", Action.IGNORE)
    yield "/healthz", Route("healthz", "GET", Action.LIVE)
    yield "/readyz", Route("readyz", "GET", Action.READY)
    yield "/metrics", Route("metrics", "GET", Action.METRICS)


ROUTES = dict(_routes())


def route_of(target: str) -> tuple[Route | None, str]:
    """The route of a request's target, and the write key that is part of its path.

    A query and a slash at the end make no difference, nor do slashes too many in a path of
    Segment's: SDKs put theirs behind a host that may end in one.
    """
    path = target.partition("?")[0]
    if route := ROUTES.get(path):
        return route, ""
    path = path.rstrip("/")
    if _SEGMENTS.match(path):  # for ours, proxies need only know the exact path
        path = _SLASHES.sub("/", path)
    if found := _SETTINGS.fullmatch(path):
        return SETTINGS_ROUTE, found[1]
    return ROUTES.get(path), ""
