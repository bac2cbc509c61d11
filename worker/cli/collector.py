"""The command `convertro collector`: Segment's HTTP Tracking API in front of the journal."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Collection
from functools import partial
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from config.logs import configure_logs
from config.settings import LOOPBACK_HOSTS, Settings
from convertro.host import bracketed
from worker.cli.terminal.exit_codes import ExitCode, fail
from worker.cli.terminal.extras import require_extra
from worker.cli.terminal.interrupts import heeded
from worker.cli.terminal.listening import listening_on
from worker.cli.terminal.open_journal import read_settings
from worker.cli.terminal.output import say

Serve = Callable[[socket.socket, Collection[signal.Signals]], None]

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def collector(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)
    ] = 8030,
    workers: Annotated[
        int, typer.Option(help="Processes that listen; one uses one core.", min=1, max=64)
    ] = 1,
    no_keys: Annotated[
        bool,
        typer.Option("--no-keys", help="Take events without a write key; on this machine only."),
    ] = False,
) -> None:
    """Take events from Segment's SDKs of any language, by Segment's HTTP Tracking API.

    It answers 200 once the events are safe in the journal, and 503 while it is unavailable, so
    that SDKs keep them and send again. CONVERTRO_WRITE_KEYS names the write keys that are known.
    GET /metrics shows its metrics; /healthz and /readyz are for probes. docs/collector.md says how
    to point each SDK at it.

    Example: CONVERTRO_WRITE_KEYS=shop-web,shop-ios convertro collector

    Exit codes: 0 stopped by a signal, 1 a process cannot be started, 2 a wrong option or setting,
    or the port is taken.
    """
    require_extra("collector", "collector")
    settings = _checked(read_settings(), host, no_keys=no_keys)
    configure_logs(settings)
    serve = _one(settings) if workers == 1 else _several(settings, workers)
    with listening_on(host, port):
        listening = _listen(host, port)
    address, taken_port = listening.getsockname()[:2]
    say(f"convertro collector listening on http://{bracketed(address)}:{taken_port}")
    sys.stdout.flush()
    serve(listening, heeded(_STOP_SIGNALS))


def _checked(settings: Settings, host: str, *, no_keys: bool) -> Settings:
    """Return the settings if they name write keys or `--no-keys` allows them to name none."""
    if not no_keys and not settings.known_write_keys:
        fail(
            ExitCode.USAGE,
            "CONVERTRO_WRITE_KEYS must name the write keys that are known; "
            "--no-keys goes without, for a trial on this machine",
        )
    if no_keys and host not in LOOPBACK_HOSTS:
        fail(ExitCode.USAGE, f"--no-keys is for this machine only, and {host} is open to others")
    return settings.model_copy(update={"write_keys": None}) if no_keys else settings


def _listen(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(address)
    listening.listen(1024)
    return listening


def _one(settings: Settings) -> Serve:
    """Run the collector in this process alone."""
    from worker.collector.run import run  # noqa: PLC0415  an extra

    return partial(run, settings)


def _several(settings: Settings, number: int) -> Serve:
    """Run the collector in several processes, which keep their metrics in a folder."""
    folder = TemporaryDirectory(prefix="convertro-collector-", ignore_cleanup_errors=True)
    # Set before anything imports the library, because that reads the variable only once.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder.name
    from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415  an extra

    from worker.collector.processes import run_processes  # noqa: PLC0415  the same
    from worker.collector.run import run  # noqa: PLC0415  the same

    def serve(listening: socket.socket, stop_signals: Collection[signal.Signals]) -> None:
        one = partial(run, settings, listening, stop_signals, os.getpid())
        with folder:
            run_processes(number, one, stop_signals, ended=mark_process_dead)

    return serve
