"""The checks of the journal's Redis. Pure: facts in, checks out.

What Redis does not report, because its user may not ask for it, is not checked; it is no error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from config.settings import Settings
from worker.preflight.checks import (
    UNTOLD,
    Check,
    error,
    named,
    not_checked,
    ok,
    rights_error,
    warning,
)
from worker.preflight.persistence_checks import (
    durability_check,
    eviction_check,
    memory_check,
    persistence_check,
)

#: The first version that knows scripts with flags.
_LEAST_VERSION = (7, 0)

#: From which share of the bound on dead letters the check warns.
_MANY_DEAD_SHARE = 0.9

#: Connections that must be free: for one worker, and for operators' commands.
_SPARE_CONNECTIONS = 20

#: By how much the clocks must differ for a warning, and for an error.
_SKEW_WARNING_SECONDS = 2.0
_SKEW_ERROR_SECONDS = 60.0

#: What to do if Redis refuses to write, by a part of its error.
_REMEDIES = (
    ("permissions", "let the user of CONVERTRO_REDIS_URL write the journal's keys (ACL)"),
    ("WRONGTYPE", "another program uses this key: set another CONVERTRO_KEY_PREFIX or database"),
    ("read only", "set CONVERTRO_REDIS_URL to the primary"),
    ("MovedError", "set CONVERTRO_REDIS_URL to the node of the cluster that Redis names"),
    (
        "attempted to access",
        "in a cluster, put braces into the prefix, as in CONVERTRO_KEY_PREFIX='{one}:'",
    ),
    ("memory", "give Redis more memory"),
    ("MISCONF", "on the machine of Redis, free up disk space; its log says why it cannot save"),
    ("NOREPLICAS", "bring its replicas back, or lower min-replicas-to-write"),
    ("NoPermission", "give the user of CONVERTRO_REDIS_URL its rights back (ACL)"),
)

#: The names of the checks, in their order.
REDIS_CHECKS = (
    "version",
    "role",
    "eviction",
    "memory",
    "connections",
    "persistence",
    "clock",
    "rights",
    "dead_letters",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """What Redis reported about itself."""

    #: Its host and port.
    address: str
    #: The fields of `INFO`; empty if the user may not ask for them.
    info: Mapping[str, Any]
    #: The fields of `CONFIG GET`; empty if the user may not ask, as on many hosted servers.
    config: Mapping[str, str]
    #: This machine's clock minus Redis's clock; None if the user may not ask for it.
    skew_seconds: float | None
    #: How long the question for the clock took; half of it is the uncertainty of the skew.
    round_trip_seconds: float
    #: The number of dead letters; None if Redis refused to write one.
    dead: int | None
    #: The error with which Redis refused that.
    refusal: str = ""
    #: The commands that the user may not give, each with its key.
    missing_rights: tuple[str, ...] = ()


class Why(StrEnum):
    """Why Redis reported nothing."""

    #: It accepts no connection, or does not answer.
    AWAY = "away"
    #: It has started and is loading its data.
    LOADING = "loading"
    #: Another program's script has run for seconds, and Redis answers nothing else.
    BUSY = "busy"
    #: It refuses user, password or database.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Redis reported nothing."""

    address: str
    why: Why
    #: The error of Redis or of the connection.
    reason: str = ""

    @property
    def may_pass(self) -> bool:
        """Whether it may help to wait."""
        return self.why is not Why.REFUSED


RedisAnswer = RedisFacts | NoAnswer


def _no_answer(answer: NoAnswer) -> Check:
    where = f"Redis at {answer.address}"
    match answer.why:
        case Why.LOADING:
            says, remedy = f"{where} is still loading its data", "wait until it is done"
        case Why.BUSY:
            says = f"{where} runs another program's script and does nothing else"
            remedy = "wait until it is done, or end it: redis-cli script kill"
        case Why.REFUSED:
            says = f"{where} refuses us: {answer.reason}"
            remedy = "check user, password and database in CONVERTRO_REDIS_URL"
        case Why.AWAY:
            says = f"{where} is unavailable: {answer.reason}"
            remedy = "check that it runs and that CONVERTRO_REDIS_URL is right"
    return error(says, remedy)


def redis_checks(settings: Settings, facts: RedisAnswer) -> Iterator[Check]:
    """Check whether this Redis can hold a journal."""
    if isinstance(facts, NoAnswer):
        unchecked = dict.fromkeys(REDIS_CHECKS, not_checked("needs Redis"))
        return named({"redis": _no_answer(facts), **unchecked})
    checks = {
        "redis": ok(f"{facts.address} answers in {facts.round_trip_seconds * 1000:.1f} ms"),
        "version": version_check(facts.info),
        "role": role_check(facts.info),
        "eviction": eviction_check(facts.info),
        "memory": memory_check(facts.info),
        "connections": connections_check(facts.info),
        "persistence": persistence_check(facts.info, facts.config),
        "clock": clock_check(facts.skew_seconds, facts.round_trip_seconds),
        "rights": rights_check(facts.missing_rights),
        "dead_letters": dead_letters_check(facts, settings.dead_max_count),
    }
    # Only with this setting an `enqueue` waits until its event is on disk.
    if settings.durability == "fsync":
        version = _version(facts.info)
        checks["durability"] = durability_check(facts.info, facts.config, version)
    return named(checks)


def version_check(info: Mapping[str, Any]) -> Check:
    """Check that it is Redis or Valkey 7.0 or newer."""
    version = _version(info)
    if not version:
        return UNTOLD
    told = f"Redis {info['redis_version']}"
    if "valkey_version" in info:
        told = f"Valkey {info['valkey_version']}"
    if version < _LEAST_VERSION:
        return error(f"{told} is too old", "use Redis or Valkey 7.0 or newer")
    return ok(told)


def role_check(info: Mapping[str, Any]) -> Check:
    """Check that it is a primary: a replica refuses writes, or loses them."""
    role = info.get("role")
    if role is None:
        return UNTOLD
    if role == "master":
        return ok("primary")
    primary = f"{info.get('master_host')}:{info.get('master_port')}"
    return error(
        f"this Redis is a replica of {primary} and no place to write to",
        "set CONVERTRO_REDIS_URL to the primary",
    )


def connections_check(info: Mapping[str, Any]) -> Check:
    """Check that Redis accepts as many further connections as a worker and commands need."""
    taken, bound = info.get("connected_clients"), info.get("maxclients")
    if taken is None or bound is None:
        return UNTOLD
    told = f"{taken:,} of at most {bound:,} connections are taken (maxclients)"
    if bound - taken < _SPARE_CONNECTIONS:
        says = f"{told}: beyond that Redis refuses workers and applications"
        return warning(says, "raise maxclients; docs/redis.md says what a worker takes")
    return ok(told)


def clock_check(skew_seconds: float | None, round_trip_seconds: float) -> Check:
    """Check that the clocks of this machine and of Redis agree.

    Args:
        skew_seconds: This machine's clock minus Redis's clock.
        round_trip_seconds: How long the question took; half of it is subtracted from the skew as
            uncertain.
    """
    if skew_seconds is None:
        return not_checked("Redis does not say (TIME)")
    certain = max(0.0, abs(skew_seconds) - round_trip_seconds / 2)
    if certain <= _SKEW_WARNING_SECONDS:
        return ok("this machine and Redis agree on the time")
    side = "ahead of" if skew_seconds > 0 else "behind"
    says = f"this machine's clock is {certain:.0f} s {side} that of Redis"
    remedy = "set both clocks by NTP"
    if certain <= _SKEW_ERROR_SECONDS:
        return warning(says, remedy)
    breaks = "attempt times and Retry-After dates would be wrong"
    return error(f"{says}: {breaks}", remedy)


def rights_check(missing: tuple[str, ...]) -> Check:
    """Check that the Redis user may carry out all steps of the journal."""
    if missing:
        return rights_error(missing, "CONVERTRO_REDIS_URL")
    return ok("every command of the journal is allowed")


def dead_letters_check(facts: RedisFacts, max_count: int) -> Check:
    """Check that a dead letter can be written, and that there is room for more."""
    if facts.dead is None:
        if _version(facts.info, default=_LEAST_VERSION) < _LEAST_VERSION:
            return not_checked("needs a newer Redis")
        says = f"dead letters cannot be written: {facts.refusal}"
        return error(says, remedy_of(facts.refusal))
    letters = "dead letter" if facts.dead == 1 else "dead letters"
    told = f"{facts.dead:,} {letters} of at most {max_count:,}"
    if facts.dead >= _MANY_DEAD_SHARE * max_count:
        return warning(
            f"{told}: beyond that those that are worth least are removed",
            "redrive or discard some, or raise CONVERTRO_DEAD_MAX_COUNT",
        )
    return ok(f"{told}, and one can be written")


def remedy_of(refusal: str) -> str:
    """Say what to do if Redis refuses to write, by its error."""
    return next((text for sign, text in _REMEDIES if sign in refusal), "mend what Redis names")


def _version(info: Mapping[str, Any], default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Read major and minor version of Redis; for Valkey, the version that it is compatible with."""
    parts = str(info.get("redis_version", "")).split(".")[:2]
    return tuple(int(part) for part in parts) if all(map(str.isdigit, parts)) else default
