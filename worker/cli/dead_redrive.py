"""The command `convertro dead redrive`."""

from collections.abc import Sequence
from typing import Annotated

import typer

from worker.bootstrap import Producer
from worker.cli.access import open_journal
from worker.cli.dead_moves import move_all, report
from worker.cli.options import (
    AllOption,
    ClassOption,
    EventIdsArgument,
    ReasonOption,
    SinceOption,
    StatusOption,
)
from worker.cli.output import JsonOption
from worker.cli.selection import Filters, Selection, choose
from worker.cli.since import parse_rate
from worker.intake import OFFERED_WAKEUPS


def _rate(text: str) -> float:
    try:
        return parse_rate(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Change nothing, count by reason instead.")
]
RateOption = Annotated[
    float | None,
    typer.Option(
        "--rate", metavar="N/s", parser=_rate, help="At most so many a second, such as 50/s."
    ),
]


def redrive(  # noqa: PLR0913  one argument for each option
    ids: EventIdsArgument = None,
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
    rate: RateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters back to be delivered.

    They become due at once, with a fresh retry budget; calls that Convertro accepted are not
    made again. Give ids, or filters, which must all apply, or --all. What dies after the start
    is not included.

    Example: convertro dead redrive --reason retries_exhausted --since 6h --rate 50/s

    Example: convertro dead redrive --all --dry-run

    Exit codes: 0 done, 1 some ids were not dead, 2 no selection, 3 Redis is unavailable,
    130 interrupted.
    """
    filters = Filters(reason=reason, outcome_class=outcome_class, status=status, since=since)
    selection = Selection(ids or (), filters, everything)
    selection.check()
    producer = open_journal()
    chosen = choose(producer.journal, selection)
    number = 0
    if not dry_run:
        number = move_all(
            chosen, lambda step: _redrive(producer, step), moved="redriven", rate=rate
        )
    report(chosen, number, moved="redriven", dry_run=dry_run, as_json=as_json)


def _redrive(producer: Producer, ids: Sequence[str]) -> int:
    """Send some back and ring for them."""
    tokens = producer.wakeups.offer(OFFERED_WAKEUPS)
    answer = producer.journal.redrive(ids, tokens)
    producer.wakeups.publish(tokens[: answer.rung])
    return sum(answer.new)
