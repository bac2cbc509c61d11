"""The command `convertro sandbox`."""

import asyncio
import random
import re
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.terminal.options import telling
from worker.lab.sandbox.faults import FaultRule, parse_rule
from worker.lab.sandbox.record_file import RecordFileError
from worker.lab.sandbox.server import SandboxOptions, serve

#: The largest random seed, short enough to be typed again.
_MAX_SEED = 999_999


def _account(text: str) -> str:
    if not re.fullmatch(r"[^/]+/[^/]+", text):
        raise typer.BadParameter("must be CLIENT/SITE, such as acme/1234")
    return text


def sandbox(  # noqa: PLR0913 - one argument for each option
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)
    ] = 8020,
    fault: Annotated[
        list[FaultRule] | None,
        typer.Option(
            help="Misbehave by this rule; repeatable.", metavar="RULE", parser=telling(parse_rule)
        ),
    ] = None,
    latency_ms: Annotated[
        float, typer.Option(help="How long every answer takes, in milliseconds.", min=0)
    ] = 0,
    account: Annotated[
        str | None,
        typer.Option(
            help="Know only this account; others get 404.", metavar="CLIENT/SITE", parser=_account
        ),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(
            help="Append each accepted call to this file and begin with what it holds.",
            dir_okay=False,
        ),
    ] = None,
    keep: Annotated[
        int, typer.Option(help="Requests to keep for showing; counts are never cut.", min=1)
    ] = 100_000,
    seed: Annotated[
        int | None, typer.Option(help="Decides the ratios; printed if not given.")
    ] = None,
) -> None:
    """Stand in for Convertro: check, record and answer its calls, or fail as told.

    Example: convertro sandbox --fault status=503,times=2,per_key=true

    RULE is KIND[=VALUE][,NAME=VALUE]... ; the first rule that applies answers. KIND:

    \b
      status=503      that status; also status=429,retry_after=2
      slow=3          the real answer, after 3 seconds
      drip=12         the real answer, byte by byte within 12 seconds
      hang            accept the call, never answer; hang=30: hang up then
      reset           accept the call, break off in the middle of the answer
      error-body      200 with an error in the body
      web-page        200 with a web page
      refuse,for=20   refuse connections for 20 seconds

    NAME=VALUE chooses the requests; without any it is all of them:

    \b
      times=2          at most 2 times
      nth=5            only the 5th
      per_key=true     count times or nth for each idempotency key
      match=evt-42     the key begins with evt-42 or the body contains it
      endpoint=events  only this endpoint: users, events or installs
      ratio=0.1        one in ten, by chance
      after=5,for=20   in this window, in seconds from when the rule came
      accepts=true     record the call as accepted although the answer fails

    While it runs, /_sandbox/calls shows what it accepted, /_sandbox/faults takes rules.

    Exit codes: 0 stopped by a signal, 1 could not start, 2 wrong option.
    """  # noqa: D301 - \b keeps the lines of a list apart in the help
    options = SandboxOptions(
        host=host,
        port=port,
        latency_seconds=latency_ms / 1000,
        account=account,
        keep=keep,
        record=record,
        seed=random.randint(0, _MAX_SEED) if seed is None else seed,  # noqa: S311 - not secret
        rules=tuple(fault or ()),
    )
    typer.echo(f"seed {options.seed}; the same ratios again with --seed {options.seed}")
    try:
        asyncio.run(serve(options, lambda url: typer.echo(f"convertro sandbox listening on {url}")))
    except (OSError, RecordFileError) as error:
        typer.echo(f"convertro sandbox could not start: {error}", err=True)
        raise typer.Exit(1) from None
