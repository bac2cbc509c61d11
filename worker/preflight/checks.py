"""The results of checks, and the checks of the settings. Pure: facts in, checks out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from config.settings import LOOPBACK_HOSTS, Settings
from convertro.errors import SettingsError


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    #: Workers start, but the operator should know about it.
    WARNING = "warning"
    #: Workers do not start.
    ERROR = "error"
    #: A server was unavailable, or did not report what is checked.
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One check and its result."""

    level: Level
    #: What was found.
    says: str
    #: What to do about it; empty for nothing.
    remedy: str = ""
    #: The name of the check.
    name: str = ""

    @property
    def sentence(self) -> str:
        """What was found, and what to do."""
        return f"{self.says}; {self.remedy}" if self.remedy else self.says


ok = partial(Check, Level.OK)
warning = partial(Check, Level.WARNING)
error = partial(Check, Level.ERROR)
not_checked = partial(Check, Level.NOT_CHECKED)

#: Most missing rights that a sentence names.
_NAMED_RIGHTS = 3


def rights_error(missing: Sequence[str], variable: str) -> Check:
    """Make the error of a Redis user who lacks rights.

    Args:
        missing: The commands that are forbidden, each with its key or channel.
        variable: The variable that names the user.
    """
    named = ", ".join(missing[:_NAMED_RIGHTS])
    more = len(missing) - _NAMED_RIGHTS
    return error(
        f"the user of {variable} may not: {named}{f' and {more} more' if more > 0 else ''}",
        "grant it these rights, which docs/redis.md lists as least rights (ACL SETUSER)",
    )


#: Redis does not report this: its user may not ask for it, or the server has no such field.
UNTOLD = not_checked("Redis does not say (INFO)")


def named(checks: Mapping[str, Check]) -> Iterator[Check]:
    """Add to each check the name under which it is listed."""
    return (replace(check, name=name) for name, check in checks.items())


def settings_checks(
    settings: Settings, unknown: Mapping[str, str], without_effect: Mapping[str, str]
) -> Iterator[Check]:
    """Check that the settings are complete and fit together.

    Args:
        settings: The settings from the environment.
        unknown: Variables that no program reads, each with what to do about it.
        without_effect: Celery's variables that have no effect here, each with the reason.
    """
    yield from named({"settings": _destination_set(settings)})
    for variable, reason in without_effect.items():
        yield warning(f"{variable} has no effect here", reason, name="variables")
    for variable, advice in unknown.items():
        says = f"{variable} is not a setting, nothing reads it"
        yield warning(says, advice, name="variables")
    lease = (
        f"a lease of {settings.lease_seconds:g} s outlasts the longest call, "
        f"{settings.longest_call_seconds:g} s with its tries"
    )
    yield from named(
        {"lease": ok(lease), "shutdown": _shutdown(settings), "base_url": _base_url(settings)}
    )


def files_check(settings: Settings, needed: int, most: float) -> Check:
    """Check that a worker process may open as many files as it needs.

    Args:
        settings: The worker's settings.
        needed: How many file descriptors it may need, including connections.
        most: How many it may have.
    """
    if most < needed:
        return warning(
            f"a worker process may open {most:,.0f} files, and with CONVERTRO_CONCURRENCY="
            f"{settings.concurrency} it needs {needed:,}: events without one are sent late",
            "raise the hard limit (ulimit -Hn, LimitNOFILE=) or lower CONVERTRO_CONCURRENCY",
        )
    return ok(f"a worker process may open the {needed:,} files that it needs")


def _destination_set(settings: Settings) -> Check:
    try:
        settings.require_destination()
    except SettingsError as wrong:
        return error(str(wrong))
    return ok("complete")


def _shutdown(settings: Settings) -> Check:
    """Check that the longest attempt ends in time; a stopping worker begins no further one."""
    attempt_seconds = settings.connect_timeout_seconds + settings.read_timeout_seconds
    told = f"a stopping worker waits {settings.shutdown_seconds:g} s for calls in flight"
    if settings.shutdown_seconds < attempt_seconds:
        return warning(
            f"{told}, and one may take {attempt_seconds:g} s: it would be sent again",
            f"set CONVERTRO_SHUTDOWN_SECONDS to {attempt_seconds:g} or more",
        )
    return ok(f"{told}, and none takes longer")


def _base_url(settings: Settings) -> Check:
    if settings.base_url == Settings.model_fields["base_url"].default:
        says = "events go to the sandbox on this machine, not to Convertro"
        return warning(says, "set CONVERTRO_BASE_URL")
    parts = urlsplit(settings.base_url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        says = f"personal data travels unencrypted to {parts.netloc}"
        return warning(says, "use https:// in CONVERTRO_BASE_URL")
    return ok(settings.base_url)
