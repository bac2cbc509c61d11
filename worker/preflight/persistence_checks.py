"""Checks whether Redis keeps its data. Pure: fields of `INFO` and `CONFIG GET` in."""

from collections.abc import Mapping
from typing import Any

from convertro.intake_journal import FULL_SHARE
from worker.preflight.checks import UNTOLD, Check, error, ok, warning

#: The first version that knows `WAITAOF`.
_FSYNC_VERSION = (7, 2)


def eviction_check(info: Mapping[str, Any]) -> Check:
    """Check that Redis evicts nothing when its memory is full."""
    policy = info.get("maxmemory_policy")
    if policy is None:
        return UNTOLD
    if policy == "noeviction":
        return ok("maxmemory-policy is noeviction")
    loses = "events" if str(policy).startswith("allkeys") else "ids of finished events"
    full = bool(info.get("maxmemory"))
    when = "when its memory is full" if full else "as soon as maxmemory is set"
    says = f"maxmemory-policy is {policy}: Redis throws {loses} away {when}"
    return (error if full else warning)(says, "set maxmemory-policy to noeviction")


def memory_check(info: Mapping[str, Any]) -> Check:
    """Check that Redis has memory for events."""
    bound, used = info.get("maxmemory"), info.get("used_memory")
    if bound is None or used is None:
        return UNTOLD
    if not bound:
        return ok(f"Redis uses {_megabytes(used)}, without a bound (maxmemory)")
    told = f"Redis uses {_megabytes(used)} of {_megabytes(bound)} (maxmemory)"
    if used > FULL_SHARE * bound:
        return warning(
            f"{told}: no events are accepted from nine tenths on",
            "raise maxmemory, or let dead letters go",
        )
    return ok(told)


def persistence_check(info: Mapping[str, Any], config: Mapping[str, str]) -> Check:
    """Check that events survive a restart of Redis."""
    if "aof_enabled" not in info:
        return UNTOLD
    if info["aof_enabled"]:
        return _append_only_file(info, config)
    remedy = "set appendonly to yes"
    if config.get("save") or info.get("rdb_saves"):
        says = "only snapshots: a crash of Redis loses every event since the last one"
        return warning(says, remedy)
    says = "nothing is written to disk: a restart of Redis loses every event"
    return warning(says, remedy)


def _append_only_file(info: Mapping[str, Any], config: Mapping[str, str]) -> Check:
    if info.get("aof_last_write_status", "ok") != "ok":
        return error(
            "Redis could not write its append-only file the last time it tried",
            "look for a full or broken disk on the machine of Redis",
        )
    fsync = config.get("appendfsync")
    if fsync == "no":
        return warning(
            "append-only file with appendfsync no: a power failure may lose half a minute",
            "set appendfsync to everysec or always",
        )
    return ok(f"append-only file{f', appendfsync {fsync}' if fsync else ''}")


def durability_check(
    info: Mapping[str, Any], config: Mapping[str, str], version: tuple[int, ...]
) -> Check:
    """Check that Redis can tell when an event is on disk."""
    if "aof_enabled" not in info:
        return UNTOLD
    if version < _FSYNC_VERSION:
        says = "CONVERTRO_DURABILITY=fsync needs Redis 7.2 or Valkey"
        return error(says, "use a newer Redis, or leave it out")
    if not info["aof_enabled"]:
        says = "CONVERTRO_DURABILITY=fsync needs an append-only file"
        return error(says, "set appendonly to yes, or leave it out")
    fsync = config.get("appendfsync", "always")
    if fsync != "always":
        says = f"with appendfsync {fsync} Redis does not say reliably what is on disk"
        return error(says, "set appendfsync to always, or leave it out")
    return ok("each enqueue waits until its events are on disk")


def _megabytes(amount: int) -> str:
    return f"{amount / 1_000_000:,.1f} MB"
