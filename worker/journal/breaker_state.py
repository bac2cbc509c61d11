"""What the journal says about holding: the circuit breaker and the pause. Pure values.

The breaker itself is `lua/breaker.lua`, because every worker's outcomes move it and each move
must be one step.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class BreakerState(StrEnum):
    """What the breaker lets through."""

    CLOSED = "closed"
    #: Nothing; a probe follows.
    OPEN = "open"
    #: One probe, which is under way.
    HALF_OPEN = "half_open"


class Cause(StrEnum):
    """Why the breaker is open."""

    #: Most of what is sent fails: Convertro is failing.
    FAILURES = "failures"
    #: An answer says that the configuration is wrong, not the event.
    SETUP = "setup"
    #: Convertro asked to be left alone for a while.
    THROTTLED = "throttled"
    #: Most events would become dead letters for one reason: the fault is ours.
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
    #: Only while it is not closed.
    cause: Cause | None = None
    #: The answer that opened it: `http_503`, `rejected http_400`.
    detail: str | None = None
    since_ms: int | None = None
    #: When the next probe may be sent.
    probe_at_ms: int | None = None
    #: How many came back and failed, since it opened.
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
    """An operator holds delivery."""

    #: Unix milliseconds.
    since_ms: int
    #: What the operator said about it; may be empty.
    reason: str

    @classmethod
    def from_json(cls, text: bytes) -> Self | None:
        """Read what the journal keeps; None if it keeps nothing."""
        stored: Mapping[str, object] = json.loads(text or "{}")
        return cls(int(str(stored["at"])), str(stored["reason"])) if stored else None
