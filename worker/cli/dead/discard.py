"""The command `convertro dead discard`."""

from worker.cli.dead.moves import Moves, reason_lines, report
from worker.cli.dead.selection import Filters, Selection, choose
from worker.cli.terminal.confirm import YesOption, confirm
from worker.cli.terminal.open_journal import open_journal
from worker.cli.terminal.options import (
    AllOption,
    ClassOption,
    EventIdsArgument,
    ReasonOption,
    SinceOption,
    StatusOption,
    UntilOption,
)
from worker.cli.terminal.output import JsonOption
from worker.reasons import DiscardReason
from worker.status.place import place_words
from worker.status.wording import counted


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
    apply, or --all. What dies after the start is not included. It asks first.

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
    producer = open_journal()
    journal = producer.journal
    chosen = choose(journal, selection)
    if chosen.ids and not yes:
        confirm(
            [*reason_lines(chosen), place_words(producer.settings)],
            f"Discard {counted(len(chosen.ids), 'dead letter')} for good?",
            "nothing was discarded; --yes discards without a question",
        )
    moves = Moves(chosen, lambda some: journal.discard(some, DiscardReason.OPERATOR), "discarded")
    moves.all_of(chosen.ids)
    report(moves, dry_run=False, as_json=as_json)
