"""The command `convertro exporter`: Prometheus metrics of the whole deployment."""

import signal
import sys
from functools import partial
from threading import Thread
from typing import Annotated

import typer

from config.logs import configure_logs
from worker.cli.terminal.interrupts import heeded
from worker.cli.terminal.listening import listening_on
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import say
from worker.exporter.collector import journal_registry
from worker.exporter.metrics_server import ExporterServer, exporter_app
from worker.journal.journal import Journal
from worker.journal.redis_client import connect_journal
from worker.status.health import every_worker, liveness
from worker.status.read import read_status
from worker.status.readiness import ready
from worker.status.refusal import refusal

#: How long to wait for Redis, in seconds: below the 10 s that Prometheus waits for a scrape by
#: default, even if Redis hangs.
_SCRAPE_TIMEOUT_SECONDS = 2.0

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def exporter(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)
    ] = 9808,
) -> None:
    """Serve a status page, and Prometheus metrics of the journal, workers and Convertro's answers.

    One exporter is enough, however many workers there are. / is `convertro status` for a browser,
    /api/status the same as JSON. /metrics reads the journal once. /healthz says what `convertro
    health --live --all` says, /readyz what `--ready` says, with 200 or 503. docs/metrics.md lists
    the metrics. There is no password, and no access log.

    Example: convertro exporter --port 9808

    Exit codes: 0 stopped by a signal, 2 a wrong option or setting, or the port is taken.
    """
    settings = read_settings()
    configure_logs(settings)
    journal = Journal(connect_journal(settings, _SCRAPE_TIMEOUT_SECONDS), settings)
    why_refused = partial(refusal, settings, _SCRAPE_TIMEOUT_SECONDS, judges_rights=False)
    app = exporter_app(
        journal_registry(journal, settings, why_refused),
        lambda: read_status(journal, settings, why_refused),
        {
            "/healthz": lambda: liveness(journal.snapshot(), every_worker(), why_refused),
            "/readyz": lambda: ready(settings, _SCRAPE_TIMEOUT_SECONDS),
        },
    )
    with listening_on(host, port):
        server = ExporterServer(host, port, app)
    stop_signals = heeded(_STOP_SIGNALS)
    # Threads inherit the blocked signals, so that `sigwait` below receives them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)
    Thread(target=server.serve_forever, daemon=True).start()
    say(f"convertro exporter listening on {server.base_url}: status page at /, metrics at /metrics")
    sys.stdout.flush()
    signal.sigwait(stop_signals)
    server.shutdown()
    server.server_close()
