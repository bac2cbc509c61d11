"""Checks that Convertro's host and the broker accept connections."""

import socket
import ssl
from urllib.parse import urlsplit

from celery import Celery

from config.settings import Settings, ca_bundle_of
from convertro.connection import is_too_old
from convertro.errors import SettingsError
from convertro.host import bracketed
from worker.outcomes import TLS_ADVICE
from worker.preflight.address import address_of
from worker.preflight.broker_rights import has_transport, missing_broker_rights, type_of_queue
from worker.preflight.checks import Check, error, not_checked, ok, rights_error, warning
from worker.transport.connections import open_socket
from worker.transport.failures import FAILURES, tls_fault
from worker.transport.transport import PORTS, Transport
from worker.transport.trust import tls_context

#: Errors of a node of a Redis Cluster for keys of other nodes, or of several slots.
_OF_A_CLUSTER = frozenset(
    {"AskError", "ClusterCrossSlotError", "ClusterDownError", "MovedError", "TryAgainError"}
)

#: Longest wait for the broker, in seconds. It is short, because without the broker workers still
#: start and deliver, only later.
_BROKER_SECONDS = 3


def connection_check(settings: Settings) -> Check:
    """Check that Convertro's host, or the proxy, accepts a connection; nothing is sent."""
    whose, variable, url = "", "CONVERTRO_BASE_URL", settings.base_url
    if settings.proxy_url:
        whose, variable = "the proxy ", "CONVERTRO_PROXY_URL"
        url = settings.proxy_url.get_secret_value()
    remedy = f"check {variable}, the network and the firewall"
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    shown = f"{whose}{bracketed(host)}:{port}"
    failure = _connection_failure(host, port, settings.connect_timeout_seconds)
    if failure:
        return warning(f"{shown} {failure}: events would wait", remedy)
    if urlsplit(settings.base_url).scheme == "https":
        return _tls_check(settings, shown)
    return ok(f"{shown} accepts connections")


def _tls_check(settings: Settings, shown: str) -> Check:
    """Check that TLS works, through the proxy if there is one; no request is sent."""
    try:
        transport = Transport(settings)
    except SettingsError:
        return not_checked("needs the trusted certificates")
    try:
        transport.connect("/")
    except FAILURES as failed:
        if fault := tls_fault(failed):
            says = f"{shown} accepts connections, but no TLS ({fault}): events would wait"
            return warning(says, TLS_ADVICE[fault])
        says = f"{shown} leads to no connection ({failed}): events would wait"
        return warning(says, "check CONVERTRO_PROXY_URL and CONVERTRO_BASE_URL")
    finally:
        transport.close()
    return ok(f"{shown} accepts connections, and its certificate is trusted")


def trust_check(settings: Settings) -> Check:
    """Check that the trusted certificates can be read."""
    variable, path = ca_bundle_of(settings)
    try:
        tls_context(variable, path)
    except SettingsError as wrong:
        return error(str(wrong), f"correct {str(wrong).partition(':')[0]}")
    return ok(
        f"certificates are trusted that are in {path} ({variable})"
        if path
        else "certificates are trusted that come with certifi"
    )


def _connection_failure(host: str, port: int, timeout_seconds: float) -> str | None:
    """Try to connect; say why that failed, or return None."""
    try:
        open_socket(host, port, timeout_seconds).close()
    except socket.gaierror:
        return "is no known host name"
    except TimeoutError:
        return f"did not accept a connection within {timeout_seconds:g} s"
    except OSError as refused:
        return f"accepts no connection ({refused.strerror or type(refused).__name__})"
    return None


def broker_check(settings: Settings, *, redis_answers: bool = True) -> Check:
    """Check that the broker takes and gives wake-ups.

    Args:
        settings: The settings, which name the broker.
        redis_answers: Whether the journal's Redis answers, which usually is the broker.
    """
    is_journals = not settings.broker_url or settings.broker_url == settings.redis_url
    told = "wake-ups travel through the journal's Redis"
    if is_journals and not redis_answers:
        return ok(told)
    variable = "CONVERTRO_REDIS_URL" if is_journals else "CONVERTRO_BROKER_URL"
    app = _app_of(settings)
    if not has_transport(app):
        return error(
            f"{variable} leads to no broker: its form is wrong, its kind unknown, or what that "
            "needs is not installed",
            f"correct {variable}, and percent-encode user and password in it",
        )
    address = address_of(settings.celery_broker_url)
    try:
        missing = missing_broker_rights(app)
    except Exception as failed:  # noqa: BLE001  any broker, any error; messages may hold passwords
        return _unusable(address, variable, failed)
    if missing:
        return rights_error(missing, variable)
    return ok(told if is_journals else f"{address} accepts connections")


def _unusable(address: str, variable: str, failed: Exception) -> Check:
    """Report why a broker cannot be used, and what to do."""
    if is_too_old(failed):
        says = f"{address} is too old: a worker cannot hear of events"
        return warning(says, "use Redis or Valkey 7.0 or newer")
    reason = type(failed.__cause__ or failed).__name__
    if reason in _OF_A_CLUSTER:
        return error(
            f"{address} belongs to a Redis Cluster, which Celery cannot use as its broker",
            "set CONVERTRO_BROKER_URL to another broker",
        )
    if fault := _tls_fault(failed):
        reason = f"{reason}: {fault}"
    return warning(
        f"{address} cannot be used ({reason}): a worker cannot hear of events",
        f"check that the broker runs and that {variable} is right",
    )


def _tls_fault(error: BaseException | None) -> str | None:
    """Find why a TLS connection failed, in OpenSSL's words; None if TLS is not the cause."""
    while error and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return getattr(error, "verify_message", None) or getattr(error, "reason", None)


def queue_check(settings: Settings) -> Check:
    """Check, if the broker is a Redis, that no other program uses the queue's key."""
    queue = settings.queue
    try:
        kind = type_of_queue(_app_of(settings))
    except Exception:  # noqa: BLE001  as above
        return not_checked("needs the broker, and the right to ask it (TYPE)")
    if kind not in {None, "none", "list"}:
        return error(
            f"{queue} is a key of another program's in the broker's Redis, a {kind}: no wake-up "
            "can be put there or taken",
            f"redis-cli rename {queue} {queue}.foreign, or set another CONVERTRO_QUEUE",
        )
    return ok(f"no other program uses {queue} for something else")


def _app_of(settings: Settings) -> Celery:
    from worker.bootstrap import make_app  # noqa: PLC0415  only these checks need Celery

    return make_app(settings, _BROKER_SECONDS)
