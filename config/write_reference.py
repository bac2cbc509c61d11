"""Writes `.env.example` and `docs/configuration.md` from the settings' classes.

Run as `python -m config.write_reference`; a test fails while the files differ.
"""

from pathlib import Path
from typing import Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parent.parent

#: The title of each group by its first setting; the order is that of the class.
GROUPS = {
    "account": "The destination",
    "base_url": "Reaching Convertro",
    "redis_url": "The journal and the broker",
    "concurrency": "The worker",
    "blip_tries": "Retries",
    "breaker_min_count": "Holding",
    "write_keys": "The collector",
    "dedupe_seconds": "Limits",
    "log_format": "Logs and Flower",
}

_INTRODUCTION = """\
# Configuration

Every setting is an environment variable. A worker that finds a wrong one, or two that
contradict each other, says which in one line and does not start. The values below are the
defaults; `.env.example` holds the same list to copy from. A variable that begins with
`CONVERTRO_` and is not listed here is reported in the worker's log, with the closest name.

A worker needs `CONVERTRO_CLIENT_NAME`, `CONVERTRO_SITE_ID` and `CONVERTRO_DOMAIN`. An
application that only enqueues needs to find the journal: `CONVERTRO_REDIS_URL`, and
`CONVERTRO_KEY_PREFIX`, `CONVERTRO_SENTINEL_MASTER` and `CONVERTRO_SENTINEL_PASSWORD` if the
workers have them. `CONVERTRO_DURABILITY` is the application's own choice; all else the
workers say in the journal.

Times are in seconds unless the name says otherwise. Flags take `true` or `false`.

Blanks and line ends around a value are no part of it, so a secret's file may end in a newline.
A value that holds what it cannot hold (a control character or an invisible one, quotes
around it; in a URL also a blank, or anything beyond ASCII) is refused, with the variable and
the character named. Values and files are read as UTF-8, whatever the locale is.
"""

#: Variables besides `CONVERTRO_*` and what each does.
_OTHER_VARIABLES = {
    "CELERY_BROKER_URL, CELERY_BROKER_READ_URL, CELERY_BROKER_WRITE_URL, BROKER_URL": (
        "None, nor has `celery -b`: wake-ups travel where `CONVERTRO_BROKER_URL` or "
        "`CONVERTRO_REDIS_URL` says. The worker's log and `convertro preflight` report them."
    ),
    "CELERY_RESULT_BACKEND, RESULT_BACKEND": "None; reported likewise. No results are kept.",
    "CELERY_CONFIG_MODULE, CELERY_LOADER": "None; reported likewise.",
    "DJANGO_SETTINGS_MODULE": "None.",
    "HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY": "None; see `CONVERTRO_PROXY_URL`.",
    "LC_ALL, LANG, PYTHONUTF8": "None on what is read, sent and logged.",
    "CELERY_WORKER_*": (
        "That of the option of `celery worker` with the same name: `CELERY_WORKER_CONCURRENCY` "
        "is `--concurrency`."
    ),
    "REMAP_SIGTERM": "With `SIGQUIT` a worker hands events back at once instead of waiting.",
    "C_FORCE_ROOT": "None: Celery asks for it with pickle, which is not used.",
    "FLOWER_*": "Flower's own options (docs/flower.md).",
    "NO_COLOR": "No colours on a terminal.",
    "COLUMNS, LINES": "Size of the terminal that `convertro` writes for.",
}


def environment_example() -> str:
    """Make the text of `.env.example`: every variable with its default, commented out."""
    lines = [
        "# Every setting with its default; take away the # of those that you change.",
        "# What they mean: docs/configuration.md. Load it: set -a; . ./.env; set +a",
        "# Keep the single quotes: without them $, # and spaces mean something to the shell and",
        "# to Docker Compose. docker-compose.yml sets CONVERTRO_REDIS_URL itself, not from here.",
    ]
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            lines += ["", f"# {GROUPS[name]}"]
        value = _default(field)
        quoted = value if field.annotation in {bool, int, float} else f"'{value}'"
        lines.append(f"# {ENV_PREFIX}{name.upper()}={quoted}")
    lines += [
        "",
        "# Docker Compose alone: the collector and the sandbox too; Flower's pages, as",
        "# user:password; where Redis and the collector listen on this machine; how much memory",
        "# Redis may use",
        "# COMPOSE_PROFILES='collector'",
        "# COMPOSE_FILE='docker-compose.yml:docker-compose.sandbox.yml'",
        "# FLOWER_BASIC_AUTH=''",
        "# REDIS_PORT=6379",
        "# COLLECTOR_PORT=8030",
        "# REDIS_MAXMEMORY=1gb",
        "# An image that is built again from the same files is the same, and its containers stay.",
        "BUILDX_NO_DEFAULT_ATTESTATIONS=1",
    ]
    return "\n".join(lines) + "\n"


def configuration_page() -> str:
    """Make the text of `docs/configuration.md`."""
    lines = [_INTRODUCTION]
    for name, field in Settings.model_fields.items():
        if name in GROUPS:
            lines += [
                f"\n## {GROUPS[name]}\n",
                "| variable | default | meaning |",
                "| --- | --- | --- |",
            ]
        default = f"`{_default(field)}`" if _default(field) else "none"
        meaning = " ".join(filter(None, (field.description, _bounds(field))))
        lines.append(f"| `{ENV_PREFIX}{name.upper()}` | {default} | {meaning} |")
    lines += ["\n## Other variables\n", "| variable | effect |", "| --- | --- |"]
    for names, effect in _OTHER_VARIABLES.items():
        listed = ", ".join(f"`{name}`" for name in names.split(", "))
        lines.append(f"| {listed} | {effect} |")
    return "\n".join(lines) + "\n"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else f"{value:.0f}"  # noqa: PLR2004  no exponents
    return "" if value in (None, ()) else str(value)


def _bounds(field: FieldInfo) -> str:
    """Write a setting's bounds in words; empty for text, whose bounds do not matter in practice."""
    lowest = next((mark.ge for mark in field.metadata if isinstance(mark, Ge)), None)
    highest = next((mark.le for mark in field.metadata if isinstance(mark, Le)), None)
    if any(isinstance(mark, MinLen | MaxLen) for mark in field.metadata) or lowest is None:
        return ""
    return f"From {lowest} to {highest}."


def write() -> None:
    """Write both files."""
    (ROOT / ".env.example").write_text(environment_example(), encoding="utf-8")
    (ROOT / "docs" / "configuration.md").write_text(configuration_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
