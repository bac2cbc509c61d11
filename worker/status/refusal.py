"""A Redis that answers but refuses writes, so that workers cannot give a sign of life."""

from config.printable import printable
from config.settings import Settings
from worker.preflight.ask_redis import ask_redis
from worker.preflight.checks import rights_error
from worker.preflight.redis_checks import NoAnswer, remedy_of

#: What an error contains if the Redis user lacks a right: in Redis's words, or as the name of
#: redis-py's exception.
_LACKS_RIGHT = ("permissions", "NoPermission")

_GO_ON = "do not restart them, they go on by themselves."


def refusal(
    settings: Settings, timeout_seconds: float, *, judges_rights: bool = True
) -> str | None:
    """Why Redis refuses what workers write, and what to do; None if it takes writes.

    This tries to write, and a user who may only read may lack the right to. So it is called only
    when signs of life, which are writes too, are missing.

    Args:
        settings: Where the journal is.
        timeout_seconds: The longest wait for a connection, and for an answer.
        judges_rights: Whether a missing right counts as a refusal. The exporter's user need not
            have the right to write.
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
