"""A Redis that answers and refuses writes, so that workers can give no sign of life."""

from config.settings import Settings
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import rights_error
from worker.preflight.redis_checks import NoAnswer, remedy_of
from worker.status.wording import printable

#: What Redis says to a user who lacks a right, itself or by the name of redis-py's error.
_LACKS_RIGHT = ("permissions", "NoPermission")

_GO_ON = "do not restart them, they go on by themselves."


def refusal(
    settings: Settings, timeout_seconds: float, *, judges_rights: bool = True
) -> str | None:
    """Why Redis refuses what workers write, and what to do; None if it takes writes.

    This tries to write. So it is only asked when signs of life are missing: they are writes as
    well, and somebody who only looks may lack the right.

    Args:
        settings: Where the journal is.
        timeout_seconds: The longest wait for a connection, and for an answer.
        judges_rights: Whether a right that is missing counts. The exporter's user need not write.
    """
    answer = ask_redis(settings, timeout_seconds)
    if isinstance(answer, NoAnswer):
        return None
    if answer.refusal and not any(sign in answer.refusal for sign in _LACKS_RIGHT):
        return (
            f"Redis refuses writes: {remedy_of(answer.refusal)}. Until Redis takes writes again, "
            "new events are refused, and lost unless their senders keep them; nothing is "
            f"delivered, and workers cannot report that they are alive: {_GO_ON} "
            f"Redis says: {printable(answer.refusal)}."
        )
    if not judges_rights or not (answer.refusal or answer.missing_rights):
        return None
    reason = answer.refusal or rights_error(answer.missing_rights, "CONVERTRO_REDIS_URL").says
    return (
        f"Redis refuses our writes: {remedy_of('NoPermission')}. Until it has them, workers with "
        "the same user deliver nothing and cannot report that they are alive: "
        f"{_GO_ON} The reason: {printable(reason)}."
    )
