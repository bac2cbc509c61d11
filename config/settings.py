"""All settings, each with unit, default, meaning and bounds.

The worker and the commands read variables named `CONVERTRO_*` only here, as `Settings`; the part of
it that translation needs is `config.destination.ConvertroSettings`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from config.destination import ConvertroSettings
from convertro.errors import SettingsError
from convertro.redis_url import check_redis_url, names_a_redis, parse_redis_url
from convertro.sentinel import is_sentinel, parse_sentinel_url
from convertro.setting_text import check_text, check_url, trimmed

ENV_PREFIX = "CONVERTRO_"

#: How long a delivery may take besides waiting for Convertro: name lookup, a slow machine, the
#: write to the journal.
_LEASE_MARGIN_SECONDS = 5.0

#: The longest lease that a setting allows.
LONGEST_LEASE_SECONDS = 3600

#: The queue of wake-ups unless CONVERTRO_QUEUE names another.
DEFAULT_QUEUE = "convertro"

#: Settings of earlier versions, and what replaced each.
_REMOVED = {
    "USERS_PATH": "one CONVERTRO_PATH with {endpoint} in it serves all endpoints",
    "EVENTS_PATH": "one CONVERTRO_PATH with {endpoint} in it serves all endpoints",
    "INSTALLS_PATH": "one CONVERTRO_PATH with {endpoint} in it serves all endpoints",
    "RETRY_JITTER": "each wait is 20 % longer or shorter by chance",
    "BREAKER_WINDOW_SECONDS": "CONVERTRO_BREAKER_MIN_COUNT alone says how many failures hold",
    "BREAKER_RATIO": "CONVERTRO_BREAKER_MIN_COUNT alone says how many failures hold",
    "TASK_SECONDS": "a deliver task goes on for 20 s",
}

#: Settings that are URLs, or a part of one.
_URLS = frozenset({"base_url", "path", "proxy_url", "redis_url", "broker_url"})

#: Settings that are JSON, which may span lines and contain names in any script.
_JSON = frozenset({"events", "consent_categories"})

#: Settings whose values contain no blanks.
_WORDS = frozenset({"domain", "sentinel_master"})

#: Celery's variables that would outrank these settings, and what counts instead. They have no
#: effect here: see `worker.process.application`.
_CELERYS_VARIABLES = {
    **dict.fromkeys(
        ("CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "CELERY_BROKER_WRITE_URL", "BROKER_URL"),
        "wake-ups travel where CONVERTRO_BROKER_URL or CONVERTRO_REDIS_URL says",
    ),
    **dict.fromkeys(("CELERY_RESULT_BACKEND", "RESULT_BACKEND"), "no results of tasks are kept"),
    **dict.fromkeys(
        ("CELERY_CONFIG_MODULE", "CELERY_LOADER"), "Celery's settings come from this program"
    ),
}

#: Credentials, host and port of a URL.
_PLACE = re.compile(r"(.*@)?(\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:[0-9]+)?", re.ASCII)

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class Settings(BaseSettings, ConvertroSettings):
    """Everything that a worker or a producer needs, from variables named `CONVERTRO_*`.

    Raises:
        ValidationError: A value is wrong; `load_settings` turns it into one sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    base_url: str = Field(
        "http://127.0.0.1:8020",
        description="Where Convertro answers; the default is the bundled sandbox.",
    )
    path: str = Field(
        "/v1/{client_name}/{site_id}/{endpoint}",
        description=(
            "Path below the base URL; {endpoint} is users, events or installs, and it may also "
            "hold {account}, {client_name} and {site_id}."
        ),
    )
    allow_insecure_http: bool = Field(
        False, description="Allow an http:// base URL that is not on this machine."
    )
    proxy_url: SecretStr | None = Field(
        None,
        description=(
            "HTTP proxy for requests to Convertro, http://user:password@host:3128 or https://; "
            "none unless set here."
        ),
    )
    ca_bundle: str = Field(
        "",
        description=(
            "Certificates of the CAs that are trusted for https://, a PEM file or a directory made "
            "by openssl rehash; otherwise REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, or those that come "
            "with certifi."
        ),
    )
    connect_timeout_seconds: float = Field(
        3.0, ge=0.1, le=60, description="Longest wait for a connection to Convertro."
    )
    read_timeout_seconds: float = Field(
        10.0, ge=0.1, le=120, description="Longest wait for Convertro's whole answer."
    )

    redis_url: SecretStr = Field(
        SecretStr("redis://127.0.0.1:6379/0"),
        description=(
            "Redis or Valkey, 7 or newer, that holds the journal: "
            "redis://user:password@host:6379/0, rediss:// for TLS, whose query may hold "
            "ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_cert_reqs and ssl_check_hostname, "
            "or sentinel://host:26379;sentinel://host:26379 for a master that Sentinels name."
        ),
    )
    broker_url: SecretStr | None = Field(
        None, description="Celery broker for wake-ups; the journal's Redis unless set."
    )
    sentinel_master: str = Field(
        "", description="Name under which the Sentinels of a sentinel:// URL watch the master."
    )
    sentinel_password: SecretStr | None = Field(
        None, description="Password of the Sentinels themselves; that of Redis is in the URL."
    )
    key_prefix: str = Field(
        "{convertro}:",
        min_length=1,
        max_length=100,
        description=(
            "Beginning of every key of the journal; keep the braces on Redis Cluster. Two journals "
            "in one Redis database need two prefixes and two queues."
        ),
    )
    queue: str = Field(
        DEFAULT_QUEUE,
        max_length=100,
        description=(
            "Celery queue of this journal's wake-ups. Two journals that share a broker need two."
        ),
    )

    durability: Literal["memory", "fsync"] = Field(
        "memory",
        description=(
            "When an event counts as taken in: once Redis has it, to be kept as Redis is "
            "configured, or once it is on the disk of Redis, which then needs appendonly yes and "
            "appendfsync always (docs/redis.md)."
        ),
    )

    concurrency: int = Field(
        32, ge=1, le=1000, description="Events in flight at once in each worker process."
    )
    shutdown_seconds: float = Field(
        15.0,  # longer than one attempt may take
        ge=0,
        le=600,
        description="How long a stopping worker waits for calls in flight before handing back.",
    )
    lease_seconds: float = Field(
        60.0,
        ge=1,
        le=LONGEST_LEASE_SECONDS,
        description="How long a claimed event belongs to its worker before another may take it.",
    )

    blip_tries: int = Field(
        3, ge=1, le=10, description="Most tries of one call before its event is postponed."
    )
    blip_seconds: float = Field(
        5.0, ge=0, le=60, description="No further try of a call begins later than this."
    )
    retry_base_seconds: float = Field(
        30.0, ge=0.1, le=3600, description="Wait before the first retry; doubles each time."
    )
    retry_max_seconds: float = Field(
        3600.0, ge=0.1, le=86400, description="Longest wait between two retries, Retry-After too."
    )
    retry_horizon_seconds: float = Field(
        86400.0,
        ge=0,
        le=30 * 86400,
        description="How long retries go on after the first try; then a dead letter.",
    )

    on_ambiguous: Literal["retry", "hold"] = Field(
        "retry",
        description=(
            "What to do about a call that bears revenue and may have reached Convertro already: "
            "retry sends it again under the same key, hold makes its event a dead letter."
        ),
    )

    breaker_min_count: int = Field(
        20,
        ge=2,
        le=10_000,
        description=(
            "How many failures in a row hold all deliveries; about as many more if some pass in "
            "between. The same for all workers."
        ),
    )
    probe_max_seconds: float = Field(
        15.0, ge=1, le=3600, description="Longest wait between two probes of a held Convertro."
    )
    max_requests_per_second: float = Field(
        0.0, ge=0, le=100_000, description="Requests of all workers together; 0 for no bound."
    )

    write_keys: SecretStr | None = Field(
        None,
        description=(
            "Write keys that the collector knows, separated by commas; each application's SDK "
            "is given one of them."
        ),
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description=(
            "Shared secret of Segment's Webhooks destination; without it the collector takes no "
            "webhooks."
        ),
    )
    cors_origins: str = Field(
        "",
        description=(
            "Origins whose pages may send to the collector, separated by commas: "
            "https://shop.example.com,https://m.example.com."
        ),
    )
    collector_requests_per_second: float = Field(
        1000.0,
        ge=0,
        le=1_000_000,
        description=(
            "Requests with one write key that each process of the collector takes, before it "
            "answers 429; 0 for no bound."
        ),
    )
    collector_connections: int = Field(
        1000,
        ge=1,
        le=100_000,
        description="Connections that each process of the collector holds open; more are refused.",
    )

    dedupe_seconds: int = Field(
        86400,
        ge=60,
        le=30 * 86400,
        description="How long a finished event's id is remembered, at the least.",
    )
    dead_max_count: int = Field(
        100_000,
        ge=1,
        le=100_000_000,
        description="Most dead letters kept; those that are worth least go first.",
    )
    dead_max_bytes: int = Field(
        1024**3,
        ge=64 * 1024,
        le=1024**4,
        description="Most bytes of their events and records; those that are worth least go first.",
    )
    dead_max_age_seconds: int = Field(
        30 * 86400, ge=60, le=3650 * 86400, description="How long a dead letter is kept."
    )

    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Log lines for people or for machines; auto asks the terminal."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Least level that is logged."
    )
    dead_letter_events: bool = Field(
        True,
        description=(
            "Tell Flower of each dead letter, by its event's id and its reason (docs/flower.md)."
        ),
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  pydantic's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the environment's variables, trimmed; a blank one counts as not set."""
        if isinstance(env_settings, EnvSettingsSource):
            trimmed_values = {
                name: trimmed(value or "") for name, value in env_settings.env_vars.items()
            }
            env_settings.env_vars = {name: text for name, text in trimmed_values.items() if text}
        return init_settings, env_settings

    @field_validator("*", mode="before")
    @classmethod
    def _check_characters(cls, value: Any, info: ValidationInfo) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and info.field_name not in _JSON:
            if info.field_name in _URLS:
                check_url(text)
            else:
                check_text(text, blanks=info.field_name not in _WORDS)
        return value

    @field_validator("base_url")
    @classmethod
    def _check_base_url(cls, value: str) -> str:
        place = _place_of(value)
        if "?" in value or "#" in value or "@" in place:
            raise ValueError("must not hold a query, a fragment or credentials")
        return value.rstrip("/")

    @field_validator("proxy_url")
    @classmethod
    def _check_proxy_url(cls, value: SecretStr | None) -> SecretStr | None:
        if not value:
            return None
        text = value.get_secret_value()
        url = text if "://" in text else f"http://{text}"
        place = _place_of(url)
        if url.partition("://")[2].removesuffix("/") != place:
            raise ValueError("must not hold anything behind its host and port")
        if any(character > "\xff" for character in unquote(place)):
            raise ValueError("must have a user and password of Latin-1: others cannot be sent")
        return SecretStr(url)

    @field_validator("path")
    @classmethod
    def _check_path(cls, value: str) -> str:
        try:
            value.format(account="a", client_name="c", site_id="s", endpoint="e")
        except (KeyError, IndexError, ValueError, AttributeError):
            raise ValueError(
                "may hold only {account}, {client_name}, {site_id} and {endpoint}"
            ) from None
        if not value.startswith("/") or "{endpoint}" not in value:
            raise ValueError("must begin with / and hold {endpoint}")
        if "#" in value:
            raise ValueError("must not hold #: what follows it is never sent")
        return value

    @field_validator("queue")
    @classmethod
    def _check_queue(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
            raise ValueError("must be a name of letters, digits, dots, hyphens and underscores")
        return value

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _check_redis_url(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        url = value.get_secret_value() if value else ""
        # Only the journal's TLS files are checked: commands and the exporter need no broker.
        if info.field_name == "redis_url":
            check_redis_url(url)
        elif is_sentinel(url):
            parse_sentinel_url(url)
        elif names_a_redis(url):
            parse_redis_url(url)
        return value

    @field_validator("write_keys")
    @classmethod
    def _check_write_keys(cls, value: SecretStr | None) -> SecretStr | None:
        for key in _listed(value.get_secret_value() if value else ""):
            if not re.fullmatch(r"[\x21-\x7e]{1,200}", key) or ":" in key or "/" in key:
                raise ValueError(
                    "must be keys of printable ASCII without blanks, colons and slashes, "
                    "separated by commas"
                )
        return value

    @field_validator("cors_origins")
    @classmethod
    def _check_cors_origins(cls, value: str) -> str:
        for origin in _listed(value):
            if not re.fullmatch(r"https?://[a-z0-9.:\[\]-]+", origin):
                raise ValueError(
                    "must be origins separated by commas, as a browser sends them: "
                    "https://shop.example.com, in small letters, without a path"
                )
        return value

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        self._check_insecure_http()
        self._check_sentinel()
        self._check_lease()
        self._check_retries()
        return self

    def _check_insecure_http(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme == "http" and parts.hostname not in LOOPBACK_HOSTS:
            if self.allow_insecure_http:
                return
            raise ValueError(
                "CONVERTRO_BASE_URL would send personal data unencrypted: use https://, or set "
                "CONVERTRO_ALLOW_INSECURE_HTTP=true if that is what you want"
            )

    def _check_sentinel(self) -> None:
        urls = {"CONVERTRO_REDIS_URL": self.redis_url, "CONVERTRO_BROKER_URL": self.broker_url}
        for name, url in urls.items():
            if url and is_sentinel(url.get_secret_value()) and not self.sentinel_master:
                raise ValueError(
                    f"CONVERTRO_SENTINEL_MASTER must be set: {name} names Sentinels, which know "
                    "the master by a name"
                )

    def _check_lease(self) -> None:
        if self.lease_seconds < self.longest_call_seconds:
            raise ValueError(
                f"CONVERTRO_LEASE_SECONDS={self.lease_seconds:g} is too short: one call may take "
                f"{self.longest_call_seconds:g} s (CONVERTRO_BLIP_SECONDS={self.blip_seconds:g} + "
                f"CONVERTRO_CONNECT_TIMEOUT_SECONDS={self.connect_timeout_seconds:g} + "
                f"CONVERTRO_READ_TIMEOUT_SECONDS={self.read_timeout_seconds:g} + "
                f"{_LEASE_MARGIN_SECONDS:g} s of margin); lengthen the lease or shorten the others"
            )

    def _check_retries(self) -> None:
        if self.retry_base_seconds > self.retry_max_seconds:
            raise ValueError(
                f"CONVERTRO_RETRY_BASE_SECONDS={self.retry_base_seconds:g} is longer than "
                f"CONVERTRO_RETRY_MAX_SECONDS={self.retry_max_seconds:g}"
            )

    @property
    def longest_call_seconds(self) -> float:
        """The longest time that one call with its tries after blips may take, in seconds."""
        return (
            self.blip_seconds
            + self.connect_timeout_seconds
            + self.read_timeout_seconds
            + _LEASE_MARGIN_SECONDS
        )

    @property
    def known_write_keys(self) -> tuple[str, ...]:
        """The write keys that the collector accepts."""
        return _listed(self.write_keys.get_secret_value() if self.write_keys else "")

    @property
    def known_origins(self) -> tuple[str, ...]:
        """The origins whose pages may send to the collector."""
        return _listed(self.cors_origins)

    @property
    def celery_broker_url(self) -> str:
        """The broker's URL for Celery, with its password."""
        url = (self.broker_url or self.redis_url).get_secret_value()
        if is_sentinel(url):
            return parse_sentinel_url(url).broker_url
        return parse_redis_url(url).broker_url if names_a_redis(url) else url

    @property
    def celery_broker_tls(self) -> Mapping[str, Any] | None:
        """The TLS options for Celery, of a broker that is a Redis; None without TLS."""
        url = (self.broker_url or self.redis_url).get_secret_value()
        return parse_redis_url(url).tls if names_a_redis(url) else None

    def require_destination(self) -> None:
        """Check that the settings are there without which nothing can be delivered.

        A worker calls this before it starts; a producer does not need them.

        Raises:
            SettingsError: The message names each variable that is missing.
        """
        missing = [name for name in ("client_name", "site_id", "domain") if not getattr(self, name)]
        if missing:
            names = ", ".join(f"{ENV_PREFIX}{name.upper()}" for name in missing)
            raise SettingsError(f"{names} must be set: every call to Convertro needs it")


def _place_of(url: str) -> str:
    """Get host and port of an http:// or https:// URL, with its credentials.

    Raises:
        ValueError: What is wrong, without the URL's text, which may contain a password.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.port != 0
    except ValueError:  # a wrong port or wrong brackets may be part of an unquoted password
        usable = False
    if not usable or not _PLACE.fullmatch(parts.netloc):
        raise ValueError("must be an http:// or https:// URL with a host and a valid port")
    return parts.netloc


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for piece in text.split(",") if (part := piece.strip()))


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: A variable is wrong; the message has a line for each that is.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(detail) for detail in error.errors())) from None


def ca_bundle_of(settings: Settings) -> tuple[str, str]:
    """Get the variable that names the trusted certificates, and their path; empty texts for none.

    Besides our own variable these are the ones that requests reads.
    """
    variables = {
        f"{ENV_PREFIX}CA_BUNDLE": settings.ca_bundle,
        **{name: os.environ.get(name, "") for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")},
    }
    return next(((name, path) for name, path in variables.items() if path), ("", ""))


def unknown_variables() -> dict[str, str]:
    """List the variables `CONVERTRO_*` that no program reads, each with what to do about it."""
    known = [f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields]
    return {
        name: _advice(name, known)
        for name in sorted(os.environ)
        if name.startswith(ENV_PREFIX) and name not in known
    }


def variables_without_effect() -> dict[str, str]:
    """List Celery's variables in the environment, which have no effect here, with the reason."""
    return {name: reason for name, reason in _CELERYS_VARIABLES.items() if os.environ.get(name)}


def _advice(name: str, known: Sequence[str]) -> str:
    replacement = _REMOVED.get(name.removeprefix(ENV_PREFIX))
    if replacement:
        return f"it was removed: {replacement}"
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else "remove it"


def _sentence(detail: ErrorDetails) -> str:
    """Write one of pydantic's errors as `VARIABLE: reason`."""
    reason = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return reason
    return f"{ENV_PREFIX}{str(detail['loc'][0]).upper()}: {reason}"
