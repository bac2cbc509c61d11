"""What a preflight finds, and what it makes of the settings. Pure: facts in, checks out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from config.settings import LOOPBACK_HOSTS, Settings, SettingsError


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

    name: str
    level: Level
    #: What is so.
    says: str
    #: What to do about it; empty if nothing need be done.
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """What is so and what to do."""
        return f"{self.says}; {self.remedy}" if self.remedy else self.says


def untold(name: str, command: str = "INFO") -> Check:
    """A check that Redis leaves open: its user may not ask, or the server does not tell."""
    return Check(name, Level.NOT_CHECKED, f"Redis does not say ({command})")


def settings_checks(settings: Settings, unknown: Mapping[str, str]) -> Iterator[Check]:
    """Whether the settings are complete and agree.

    Args:
        settings: Those of the environment.
        unknown: Variables that nothing reads, each with what to do about it.
    """
    yield _destination_set(settings)
    for variable, advice in unknown.items():
        says = f"{variable} is not a setting, nothing reads it"
        yield Check("variables", Level.WARNING, says, advice)
    yield Check(
        "lease",
        Level.OK,
        f"a lease of {settings.lease_seconds:g} s outlasts the longest call, "
        f"{settings.longest_call_seconds:g} s with its tries",
    )
    yield _shutdown(settings)
    yield _base_url(settings)


def _destination_set(settings: Settings) -> Check:
    try:
        settings.require_destination()
    except SettingsError as error:
        return Check("settings", Level.ERROR, str(error))
    return Check("settings", Level.OK, "complete")


def _shutdown(settings: Settings) -> Check:
    """A stopping worker begins no further try, so one attempt is what has to fit in."""
    attempt_seconds = settings.connect_timeout_seconds + settings.read_timeout_seconds
    told = f"a stopping worker waits {settings.shutdown_seconds:g} s for calls in flight"
    if settings.shutdown_seconds < attempt_seconds:
        return Check(
            "shutdown",
            Level.WARNING,
            f"{told}, and one may take {attempt_seconds:g} s: it would be sent again",
            f"set CONVERTRO_SHUTDOWN_SECONDS to {attempt_seconds:g} or more",
        )
    return Check("shutdown", Level.OK, f"{told}, and none takes longer")


def _base_url(settings: Settings) -> Check:
    name = "base_url"
    if settings.base_url == Settings.model_fields["base_url"].default:
        return Check(
            name,
            Level.WARNING,
            "events go to the sandbox on this machine, not to Convertro",
            "set CONVERTRO_BASE_URL",
        )
    parts = urlsplit(settings.base_url)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
        return Check(
            name,
            Level.WARNING,
            f"personal data travels unencrypted to {parts.netloc}",
            "use https:// in CONVERTRO_BASE_URL",
        )
    return Check(name, Level.OK, settings.base_url)
