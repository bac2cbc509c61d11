"""Whether a worker could deliver, for readiness probes, with a sentence."""

from config.settings import Settings
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import Check, Level, settings_checks
from worker.preflight.redis_checks import redis_checks
from worker.status.health import Health, Verdict


def ready(settings: Settings, timeout_seconds: float) -> Verdict:
    """Judge by the preflight's checks whether a worker could deliver, without asking Convertro.

    Args:
        settings: The workers' settings.
        timeout_seconds: The longest wait for a connection to Redis, and for an answer.
    """
    answer = ask_redis(settings, timeout_seconds)
    return judge([*settings_checks(settings, {}, {}), *redis_checks(settings, answer)])


def judge(checks: list[Check]) -> Verdict:
    """Judge checks: not ready at any error, nor if Redis has no memory for more events.

    That Redis runs out of connections is only mentioned, because open connections go on working.
    """
    for check in checks:
        is_full = check.name == "memory" and check.level is Level.WARNING
        if check.level is Level.ERROR or is_full:
            return Verdict(_health(check), check.sentence, check.name)
    told = "ready: the settings are complete, Redis can be written to"
    for check in checks:
        if check.name == "connections" and check.level is Level.WARNING:
            return Verdict(Health.GOOD, f"{told}; but {check.sentence}", check.name)
    return Verdict(Health.GOOD, told)


def _health(check: Check) -> Health:
    known = {"settings": Health.WRONG_SETTING, "redis": Health.UNKNOWN}
    return known.get(check.name, Health.BAD)
