"""The command `convertro dead discard`."""

import sys
from typing import Annotated

import typer

from worker.cli.access import open_journal
from worker.cli.dead_moves import Moves, reason_lines, report
from worker.cli.exits import ExitCode, fail
from worker.cli.options import (
    AllOption,
    ClassOption,
    EventIdsArgument,
    ReasonOption,
    SinceOption,
    StatusOption,
    UntilOption,
)
from worker.cli.output import JsonOption
from worker.cli.selection import Chosen, Filters, Selection, choose
from worker.cli.words import counted

#: Counted as `discarded:operator`.
DISCARD_REASON = "operator"

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def discard(  # noqa: PLR0913  one argument for each option
    ids: EventIdsArgument = None,
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Let dead letters go for good.

    They leave the journal, counted as discarded:operator. Give ids, or filters, which must all
    apply, or --all. What dies after the start is not included.

    Example: convertro dead export --reason rejected --output rejected.jsonl

    Example: convertro dead discard --reason rejected

    Exit codes: 0 done, 1 declined or some ids were not dead, 2 no selection, 3 Redis is
    unavailable, 130 interrupted.
    """
    filters = Filters(
        reason=reason, outcome_class=outcome_class, status=status, since=since, until=until
    )
    selection = Selection(ids or (), filters, everything)
    selection.check()
    journal = open_journal().journal
    chosen = choose(journal, selection)
    if chosen.ids and not yes:
        _ask(chosen)
    moves = Moves(chosen, lambda some: journal.discard(some, DISCARD_REASON), "discarded")
    moves.all_of(chosen.ids)
    report(moves, dry_run=False, as_json=as_json)


def _ask(chosen: Chosen) -> None:
    """Show what would go and ask.

    Raises:
        Exit: The answer is no, or there is nobody to answer.
    """
    for line in reason_lines(chosen):
        typer.echo(line, err=True)
    question = f"Discard {counted(len(chosen.ids), 'dead letter')} for good? [y/N]: "
    typer.echo(question, err=True, nl=False)
    answer = sys.stdin.readline()
    if answer.strip().lower() not in {"y", "yes"}:
        if not answer.endswith("\n"):
            typer.echo(err=True)
        fail(ExitCode.NEGATIVE, "nothing was discarded; --yes discards without a question")
