"""What a preflight finds, and what it makes of the settings. Pure: facts in, checks out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from urllib.parse import urlsplit

from config.settings import LOOPBACK_HOSTS, Settings
from convertro.errors import SettingsError


class Level(StrEnum):
    """How grave a finding is."""

    OK = "ok"
    #: Workers start, and the operator should know.
    WARNING = "warning"
    #: Workers do not start.
    ERROR = "error"
    #: Redis was not there, or does not say.
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Check:
    """One finding."""

    level: Level
    #: What is so.
    says: str
    #: What to do about it; empty if nothing need be done.
    remedy: str = ""
    #: What was checked.
    name: str = ""

    @property
    def sentence(self) -> str:
        """What is so and what to do."""
        return f"{self.says}; {self.remedy}" if self.remedy else self.says


ok = partial(Check, Level.OK)
warning = partial(Check, Level.WARNING)
error = partial(Check, Level.ERROR)
not_checked = partial(Check, Level.NOT_CHECKED)

#: Rights that a sentence names; more would not be read.
_NAMED_RIGHTS = 3


def rights_error(missing: Sequence[str], variable: str) -> Check:
    """Something that a user of Redis's ACL may not do.

    Args:
        missing: Each as its command, and the key or channel.
        variable: Where the user is named.
    """
    named = ", ".join(missing[:_NAMED_RIGHTS])
    more = len(missing) - _NAMED_RIGHTS
    return error(
        f"the user of {variable} may not: {named}{f' and {more} more' if more > 0 else ''}",
        "grant it these rights, which docs/redis.md lists as least rights (ACL SETUSER)",
    )


#: A check that Redis leaves open: its user may not ask, or the server does not tell.
UNTOLD = not_checked("Redis does not say (INFO)")


def named(checks: Mapping[str, Check]) -> Iterator[Check]:
    """Checks with the names under which they are listed."""
    return (replace(check, name=name) for name, check in checks.items())


def settings_checks(
    settings: Settings, unknown: Mapping[str, str], without_effect: Mapping[str, str]
) -> Iterator[Check]:
    """Whether the settings are complete and agree.

    Args:
        settings: Those of the environment.
        unknown: Variables that nothing reads, each with what to do about it.
        without_effect: Variables of Celery's that have none here, each with the reason.
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
    """Whether a worker process may open as many files as it needs.

    Args:
        settings: Those of the worker.
        needed: How many it may need, connections among them.
        most: How many it may open.
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
    """A stopping worker begins no further try, so one attempt is what has to fit in."""
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
