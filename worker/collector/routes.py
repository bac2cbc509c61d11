"""What each path does: those of Segment's HTTP Tracking API, and our own. Pure."""

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import NamedTuple, get_args

from convertro.types import EventType


class Action(Enum):
    """What the collector does with a request."""

    #: Take the events of its body.
    COLLECT = auto()
    #: Take the events of its body, which Segment signed.
    WEBHOOK = auto()
    #: Tell an SDK that it may send.
    SETTINGS = auto()
    #: Answer and do nothing: the body holds what an SDK measured of itself.
    IGNORE = auto()
    #: Answer that this process runs.
    LIVE = auto()
    #: Answer whether events can be accepted.
    READY = auto()
    METRICS = auto()


class Route(NamedTuple):
    """How a path is answered."""

    #: A stable name, for metrics; there are few.
    name: str
    method: str
    action: Action
    #: The type of events that do not name one.
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
    """The route of a request's target, and the write key if its path holds one.

    A query and a slash at the end are ignored, and so are extra slashes in Segment's paths, because
    SDKs append these paths to a host that may end in a slash.
    """
    path = target.partition("?")[0]
    if route := ROUTES.get(path):
        return route, ""
    path = path.rstrip("/")
    if _SEGMENTS.match(path):  # not our own: a proxy need only know their exact paths
        path = _SLASHES.sub("/", path)
    if found := _SETTINGS.fullmatch(path):
        return SETTINGS_ROUTE, found[1]
    return ROUTES.get(path), ""
