"""The settings of a drill: the operator's, with the drill's own keys and queue."""

from collections.abc import Mapping

from config.settings import ENV_PREFIX, Settings
from worker.lab.demo.stack import DESTINATION

#: Settings that a drill has even if the operator did not make them.
_FILLED_IN = {
    **DESTINATION,
    "CONVERTRO_EVENTS": '{"Signed Up": "signup"}',
    "CONVERTRO_HYBRID_ATTRIBUTION_MODEL": "true",
}

#: The operator's settings that a drill does not take: those that lead to Convertro, because the
#: drill's calls go to its own sandbox; those that could make the journal forget an event before it
#: is counted; and those of logs.
_LEFT_OUT = {
    f"{ENV_PREFIX}{name}"
    for name in (
        "BASE_URL",
        "PROXY_URL",
        "PATH",
        "DEDUPE_SECONDS",
        "DEAD_MAX_BYTES",
        "DEAD_MAX_COUNT",
        "DEAD_MAX_AGE_SECONDS",
        "LOG_FORMAT",
        "LOG_LEVEL",
    )
}
REDIS = {f"{ENV_PREFIX}REDIS_URL", f"{ENV_PREFIX}BROKER_URL"}

#: The shortest drill with time for the default settings, in seconds: leases of 60 s and retries
#: after 30 s.
_DEFAULTS_FIT_SECONDS = 120.0

#: The settings of a shorter drill with its own Redis, if the operator set none of these.
QUICK = {
    "CONVERTRO_CONNECT_TIMEOUT_SECONDS": "1",
    "CONVERTRO_READ_TIMEOUT_SECONDS": "2",
    "CONVERTRO_BLIP_SECONDS": "1",
    "CONVERTRO_LEASE_SECONDS": "9",
    "CONVERTRO_RETRY_BASE_SECONDS": "2",
    "CONVERTRO_RETRY_MAX_SECONDS": "8",
}

#: In a drill longer than this, in seconds, faults repeat so often that some events are postponed
#: again and again, and waits that double would soon outlast the drill. So waits are bounded, if the
#: drill has its own Redis and the operator set none of `QUICK`.
_LONG_SECONDS = 300.0
_LONG = {"CONVERTRO_RETRY_MAX_SECONDS": "120"}

#: Settings that isolate the drill from other deployments.
_OWN = {f"{ENV_PREFIX}KEY_PREFIX", f"{ENV_PREFIX}QUEUE"}


def drill_environment(
    operators: Mapping[str, str], *, name: str, embedded: bool, duration_seconds: float
) -> dict[str, str]:
    """The `CONVERTRO_*` variables of a drill.

    Args:
        operators: The operator's environment.
        name: The drill's unique name, which names its key prefix and queue.
        embedded: Whether the drill brings its own Redis.
        duration_seconds: How long the load runs.
    """
    left_out = _LEFT_OUT | (REDIS if embedded else set())
    given = {
        variable: value
        for variable, value in operators.items()
        if variable.startswith(ENV_PREFIX) and value and variable not in left_out
    }
    may_choose = embedded and not given.keys() & QUICK
    return {
        **_FILLED_IN,
        **(QUICK if may_choose and duration_seconds < _DEFAULTS_FIT_SECONDS else {}),
        **(_LONG if may_choose and duration_seconds > _LONG_SECONDS else {}),
        **given,
        f"{ENV_PREFIX}KEY_PREFIX": f"{{{name}}}:",
        f"{ENV_PREFIX}QUEUE": name,
    }


def changed_settings(settings: Settings, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that differ from the defaults, except Redis's address and the drill's names."""
    names = {name: f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    return {
        variable: environment[variable]
        for name, variable in names.items()
        if variable in environment.keys() - _OWN - REDIS - _LEFT_OUT
        and getattr(settings, name) != Settings.model_fields[name].default
    }
