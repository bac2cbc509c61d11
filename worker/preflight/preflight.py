"""Runs the preflight: checks settings, Redis, the broker and the connection to Convertro.

`convertro preflight` shows every check. A starting worker logs warnings and errors, and does not
start if there is an error; but it waits for a while for a Redis that is not ready.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from time import monotonic, sleep

import structlog

from config.settings import Settings, unknown_variables, variables_without_effect
from worker.log_actions import LogAction
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import Check, Level, files_check, named, not_checked, settings_checks
from worker.preflight.reachable import (
    broker_check,
    connection_check,
    queue_check,
    trust_check,
)
from worker.preflight.redis_checks import NoAnswer, RedisAnswer, redis_checks
from worker.process.open_files import most_files, needed_files

#: How long a starting worker waits for Redis, because on a booting machine both start at once.
PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 1.0

log = structlog.stdlib.get_logger(__name__)


def preflight(settings: Settings) -> tuple[Check, ...]:
    """Make all checks, in the order in which they are shown; a failed one stops no other."""
    return tuple(chain.from_iterable(_stages(settings, lambda: ask_redis(settings))))


def preflight_of_worker(settings: Settings, *, waits: bool = True) -> list[str]:
    """Make the checks of a starting worker, and log each warning and error.

    Args:
        settings: The worker's settings.
        waits: Whether to wait for a Redis that is not ready. If not, that is no error either,
            because the worker that is started afterwards will wait.

    Returns:
        A sentence for each error; if there is one, the worker must not start.
    """
    ask = partial(ask_redis, settings)
    patient = partial(wait_for_redis, ask) if waits else ask
    for stage in _stages(settings, patient, may_be_away=not waits):
        checks = list(stage)
        for check in checks:
            if check.level is Level.WARNING:
                log.warning(check.sentence, action=LogAction.PREFLIGHT_WARNING, check=check.name)
            if check.level is Level.ERROR:
                log.error(check.sentence, action=LogAction.PREFLIGHT_ERROR, check=check.name)
        if errors := [check.sentence for check in checks if check.level is Level.ERROR]:
            return errors
    return []


def broker_refusal(settings: Settings) -> str | None:
    """Say, for a running worker, what is wrong with its broker; None if no error is found."""
    check = broker_check(settings)
    return check.sentence if check.level is Level.ERROR else None


def wait_for_redis(
    ask: Callable[[], RedisAnswer],
    *,
    now: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> RedisAnswer:
    """Ask Redis each second until it is ready, for at most a minute; return the last answer."""
    until = now() + PATIENCE_SECONDS
    answer = ask()
    if isinstance(answer, NoAnswer) and answer.may_pass:
        log.warning(
            "Redis is not ready: the worker waits for it before it starts.",
            action=LogAction.PREFLIGHT_WAITS,
            address=answer.address,
            reason=answer.reason,
            at_most_seconds=PATIENCE_SECONDS,
        )
    while isinstance(answer, NoAnswer) and answer.may_pass and now() < until:
        pause(_PAUSE_SECONDS)
        answer = ask()
    return answer


def _stages(
    settings: Settings, ask: Callable[[], RedisAnswer], *, may_be_away: bool = False
) -> Iterator[Iterable[Check]]:
    """Make the checks in three stages, those that may take seconds last."""
    here = {
        "files": files_check(settings, needed_files(settings), most_files()),
        "trust": trust_check(settings),
    }
    yield chain(
        settings_checks(settings, unknown_variables(), variables_without_effect()), named(here)
    )
    answer = ask()
    if isinstance(answer, NoAnswer) and answer.may_pass and may_be_away:
        return
    yield redis_checks(settings, answer)
    answers = not isinstance(answer, NoAnswer)
    connection, broker = connection_check(settings), broker_check(settings, redis_answers=answers)
    works = broker.level is Level.OK
    queue = queue_check(settings) if works else not_checked("needs the broker")
    yield named({"connection": connection, "broker": broker, "queue": queue})
