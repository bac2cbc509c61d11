"""The state of the circuit breaker and of the pause, as the journal has it. Pure values.

The breaker's rules are in `lua/breaker.lua`, because the outcomes of all workers move it and each
move must be one step.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class BreakerState(StrEnum):
    """What the breaker lets through."""

    CLOSED = "closed"
    #: Nothing until the next probe.
    OPEN = "open"
    #: One probe, which is in flight.
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why the breaker is open."""

    #: Most rounds fail.
    FAILURES = "failures"
    #: Convertro's answers say that the configuration is wrong, not the event.
    SETUP = "setup"
    #: Convertro asked for a break.
    THROTTLED = "throttled"
    #: Most events would become dead letters, so the events are hardly the cause.
    BURIALS = "burials"


#: What each cause means, and what to do about it.
CAUSES = {
    Cause.FAILURES: "most calls to Convertro fail",
    Cause.SETUP: "Convertro refuses us, check the settings",
    Cause.THROTTLED: "Convertro asked for a break",
    Cause.BURIALS: "most events would become dead letters for one reason, look into it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The circuit breaker that all workers share; times are unix milliseconds."""

    state: BreakerState = BreakerState.CLOSED
    #: None while it is closed, like the rest.
    cause: Cause | None = None
    #: The answer that opened it or that a probe got last: `http_503`, `rejected http_400`.
    detail: str | None = None
    since_ms: int | None = None
    #: When the next probe may be sent.
    probe_at_ms: int | None = None
    #: How many probes have failed since it opened.
    probes_failed: int = 0

    @property
    def why(self) -> str:
        """Why deliveries are held, in words; empty if they are not."""
        return f"{CAUSES[self.cause]} ({self.detail})" if self.cause else ""

    @classmethod
    def from_fields(cls, flat: Sequence[bytes], now_ms: int) -> Self:
        """Read the breaker's hash."""
        fields = {
            name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)
        }
        if fields.get("state") != "open":
            return cls()
        probing = int(fields.get("probe_until", 0)) > now_ms
        return cls(
            state=BreakerState.HALF_OPEN if probing else BreakerState.OPEN,
            cause=Cause(fields["cause"]),
            detail=fields["detail"],
            since_ms=int(fields["since"]),
            probe_at_ms=int(fields["probe_at"]),
            probes_failed=int(fields.get("probes", 0)),
        )


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of delivery by an operator."""

    #: Unix milliseconds.
    since_ms: int
    #: The operator's reason; may be empty.
    reason: str

    @classmethod
    def from_json(cls, text: bytes) -> Self | None:
        """Read the pause as it is stored; None without one."""
        stored: Mapping[str, object] = json.loads(text or "{}")
        return cls(int(str(stored["at"])), str(stored["reason"])) if stored else None
