"""Whether a worker could deliver: what a readiness probe asks, the answer a sentence."""

from config.settings import Settings
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import Check, Level, settings_checks
from worker.preflight.redis_checks import redis_checks
from worker.status.health import Health, Verdict


def ready(settings: Settings, timeout_seconds: float) -> Verdict:
    """Whether a worker could deliver: what the preflight finds, without asking Convertro.

    Args:
        settings: Those of the workers.
        timeout_seconds: The longest wait for a connection to Redis, and for an answer.
    """
    answer = ask_redis(settings, timeout_seconds)
    return judge([*settings_checks(settings, {}, {}), *redis_checks(settings, answer)])


def judge(checks: list[Check]) -> Verdict:
    """An error says no, and so does a Redis without memory for further events.

    That its connections run out is told besides: those that are there go on.
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
