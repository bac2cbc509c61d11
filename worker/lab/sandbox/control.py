"""The control API below `/_sandbox/`: shows what was received, installs faults, resets."""

import asyncio
import json
import time
from dataclasses import dataclass, field

from aiohttp import web

from worker.lab.sandbox import replies
from worker.lab.sandbox.faults import FaultRule, FaultRuleError, parse_rule, rule_from_json
from worker.lab.sandbox.listener import Listener
from worker.lab.sandbox.matching import FaultBook, InstalledRule
from worker.lab.sandbox.recorder import Recorder

CONTROL_PREFIX = "/_sandbox/"

#: The most requests that `GET /_sandbox/requests` shows by default.
_DEFAULT_LIMIT = 1000


@dataclass(slots=True)
class Control:
    """The control API; rules are installed and removed only here."""

    recorder: Recorder
    faults: FaultBook
    listener: Listener
    seed: int
    #: Tasks that refuse connections for a `refuse` rule, now or later.
    _windows: set[asyncio.Task[None]] = field(default_factory=set)

    def routes(self) -> list[web.RouteDef]:
        """The routes of the API."""
        return [
            web.get(f"{CONTROL_PREFIX}health", self.health),
            web.get(f"{CONTROL_PREFIX}summary", self.summary),
            web.get(f"{CONTROL_PREFIX}calls", self.calls),
            web.delete(f"{CONTROL_PREFIX}calls", self.forget),
            web.get(f"{CONTROL_PREFIX}requests", self.requests),
            web.get(f"{CONTROL_PREFIX}faults", self.list_faults),
            web.post(f"{CONTROL_PREFIX}faults", self.add_fault),
            web.delete(f"{CONTROL_PREFIX}faults", self.delete_faults),
        ]

    def install(self, rule: FaultRule) -> InstalledRule:
        """Install a rule; its time window begins now."""
        installed = self.faults.install(rule, time.monotonic())
        if rule.kind == "refuse" and rule.for_seconds is not None:
            window = asyncio.create_task(self.listener.refuse(rule.after_seconds, rule.for_seconds))
            self._windows.add(window)
            window.add_done_callback(self._windows.discard)
        return installed

    async def clear_faults(self) -> None:
        """Remove every rule and listen again if connections are refused."""
        self.faults.rules.clear()
        windows = list(self._windows)
        for window in windows:
            window.cancel()
        await asyncio.gather(*windows, return_exceptions=True)
        await self.listener.settle()

    async def health(self, _request: web.Request) -> web.Response:
        """Answer that the sandbox runs."""
        return replies.ok()

    async def summary(self, _request: web.Request) -> web.Response:
        """Answer with the totals."""
        return web.json_response(self.recorder.summary())

    async def calls(self, request: web.Request) -> web.Response:
        """Answer with the accepted calls that are kept; `?key=` selects one."""
        return web.json_response({"calls": list(self.recorder.calls(request.query.get("key")))})

    async def forget(self, _request: web.Request) -> web.Response:
        """Forget everything that was received, in the record file too."""
        self.recorder.forget()
        return replies.ok()

    async def requests(self, request: web.Request) -> web.Response:
        """Answer with the newest requests, chosen by `?limit=`, `?key=` and `?bodies=true`."""
        limit = request.query.get("limit", str(_DEFAULT_LIMIT))
        if not (limit.isascii() and limit.isdigit()):
            return replies.error(400, "limit must be a whole number")
        found = self.recorder.requests(
            key=request.query.get("key"),
            limit=int(limit),
            with_body=request.query.get("bodies") == "true",
        )
        return web.json_response({"requests": found})

    async def list_faults(self, _request: web.Request) -> web.Response:
        """Answer with the installed rules, in order."""
        now = time.monotonic()
        rules = [installed.described(now) for installed in self.faults.rules]
        return web.json_response({"seed": self.seed, "faults": rules})

    async def add_fault(self, request: web.Request) -> web.Response:
        """Install the rule in the body: a JSON object, or else a rule in its text form."""
        text = (await request.read()).decode(errors="replace").strip()
        try:
            rule = rule_from_json(json.loads(text)) if text.startswith("{") else parse_rule(text)
        except FaultRuleError as error:
            return replies.error(400, str(error))
        except (ValueError, RecursionError) as error:
            return replies.error(400, f"the rule is not JSON: {error}")
        self.listener.busy.add(request.protocol)
        try:
            return web.json_response(self.install(rule).described(time.monotonic()), status=201)
        finally:
            self.listener.busy.discard(request.protocol)

    async def delete_faults(self, _request: web.Request) -> web.Response:
        """Remove every rule."""
        await self.clear_faults()
        return replies.ok()

    async def unknown(self, request: web.Request) -> web.Response:
        """Refuse another path or method, and list the known ones."""
        known = ", ".join(f"{route.method} {route.path}" for route in self.routes())
        return replies.error(404, f"no {request.method} {request.path}; known are {known}")
