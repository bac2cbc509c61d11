"""Decides which rule answers a request. Time and chance are arguments."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from worker.lab.sandbox.faults import FaultRule
from worker.lab.sandbox.recorder import ReceivedRequest


@dataclass(slots=True)
class InstalledRule:
    """An installed rule, and its counts so far."""

    number: int
    rule: FaultRule
    #: When it was installed, in seconds of the clock that `fires` is given.
    installed_at_seconds: float
    #: The number of requests to which the rule applied, by idempotency key or all under "".
    seen: Counter[str] = field(default_factory=Counter)
    #: The number of those that it answered, by the same keys.
    fired: Counter[str] = field(default_factory=Counter)

    def state(self, now_seconds: float) -> str:
        """Whether the rule is `waiting` for its window, `active`, or `over` for good."""
        elapsed = now_seconds - self.installed_at_seconds - self.rule.after_seconds
        if elapsed < 0:
            return "waiting"
        if elapsed >= (self.rule.for_seconds or float("inf")) or self._is_used_up():
            return "over"
        return "active"

    def _is_used_up(self) -> bool:
        """Whether the rule can answer no more requests; per key it always can, for a new key."""
        if self.rule.per_key:
            return False
        used_times = self.rule.times is not None and self.fired[""] >= self.rule.times
        return used_times or (self.rule.nth is not None and self.seen[""] >= self.rule.nth)

    def fires(
        self, request: ReceivedRequest, now_seconds: float, chance: Callable[[], float]
    ) -> bool:
        """Decide whether the rule answers a request; count the request if the rule is for it."""
        if self.state(now_seconds) != "active" or not _is_for(self.rule, request):
            return False
        counted_as = request.key if self.rule.per_key else ""
        self.seen[counted_as] += 1
        nth, times, ratio = self.rule.nth, self.rule.times, self.rule.ratio
        if nth is not None and self.seen[counted_as] != nth:
            return False
        if times is not None and self.fired[counted_as] >= times:
            return False
        if ratio is not None and chance() >= ratio:
            return False
        self.fired[counted_as] += 1
        return True

    def described(self, now_seconds: float) -> dict[str, Any]:
        """The rule, its number, its state and the number of its answers, for the control API."""
        return {
            "number": self.number,
            "rule": self.rule.described(),
            "state": self.state(now_seconds),
            "fired": self.fired.total(),
        }


def _is_for(rule: FaultRule, request: ReceivedRequest) -> bool:
    if rule.kind == "refuse":
        return False  # it answers no request: the listener refuses connections for it
    if rule.endpoint is not None and rule.endpoint != request.endpoint:
        return False
    return rule.match is None or _matches(rule.match, request)


def _matches(text: str, request: ReceivedRequest) -> bool:
    """Look for text in a request; a key is percent-encoded, a body may escape non-ASCII text."""
    if request.key.startswith(text) or unquote(request.key).startswith(text):
        return True
    return text.encode() in request.body or json.dumps(text)[1:-1].encode() in request.body


class FaultBook:
    """The installed rules, in the order of their installation."""

    def __init__(self) -> None:
        self.rules: list[InstalledRule] = []
        self._last_number = 0

    def install(self, rule: FaultRule, now_seconds: float) -> InstalledRule:
        """Add a rule after the others; its time window begins now."""
        self._last_number += 1
        installed = InstalledRule(self._last_number, rule, now_seconds)
        self.rules.append(installed)
        return installed

    def choose(
        self, request: ReceivedRequest, now_seconds: float, chance: Callable[[], float]
    ) -> FaultRule | None:
        """The first rule that answers a request; later ones do not count it."""
        for installed in self.rules:
            if installed.fires(request, now_seconds, chance):
                return installed.rule
        return None
