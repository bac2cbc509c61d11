"""The command `convertro dead redrive`."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from worker.cli.dead.canary import Canary, obstacle, watch
from worker.cli.dead.moves import Moves, document, report
from worker.cli.dead.selection import Chosen, Filters, Selection, choose, spread
from worker.cli.terminal.exit_codes import ExitCode, complain, fail
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
from worker.cli.terminal.output import JsonOption, json_line, say
from worker.cli.terminal.pacing import RateOption
from worker.cli.terminal.place import say_place
from worker.cli.terminal.progress import progress
from worker.cli.terminal.times import rate_words
from worker.status.wording import counted

if TYPE_CHECKING:
    from worker.journal.producer import Producer


_DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Change nothing, count by reason instead.")
]
_CanaryOption = Annotated[
    int | None,
    typer.Option("--canary", metavar="N", min=1, help="N first; the others if all N succeed."),
]
_DiffOption = Annotated[
    bool,
    typer.Option("--diff", help="Change nothing, show what would be sent now and was before."),
]
_SamplesOption = Annotated[
    int | None,
    typer.Option(
        "--samples", metavar="N", min=1, help="With --diff: how many to show, 3 by default."
    ),
]
_RevealOption = Annotated[
    bool, typer.Option("--reveal", help="With --diff: show values; may hold personal data.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    """Options of a redrive, besides which dead letters it is about."""

    dry_run: bool
    diff: bool
    samples: int | None
    reveal: bool
    canary: int | None
    rate: float | None
    as_json: bool

    def check(self) -> None:
        """Refuse options that contradict each other.

        Raises:
            Exit: Two do; a sentence names them.
        """
        given = {
            "--diff": self.diff,
            "--dry-run": self.dry_run,
            "--canary": self.canary is not None,
            "--rate": self.rate is not None,
        }
        for one, other in (
            ("--diff", "--dry-run"),
            ("--diff", "--canary"),
            ("--diff", "--rate"),
            ("--dry-run", "--canary"),
        ):
            if given[one] and given[other]:
                fail(ExitCode.USAGE, f"{one} sends nothing, so leave out {one} or {other}")
        for name, is_given in (("--samples", self.samples is not None), ("--reveal", self.reveal)):
            if is_given and not self.diff:
                fail(ExitCode.USAGE, f"{name} means nothing without --diff")

    def arguments(self) -> list[str]:
        """The options to repeat in a command that goes on."""
        return [
            *(["--canary", str(self.canary)] if self.canary is not None else []),
            *(["--rate", rate_words(self.rate)] if self.rate is not None else []),
            *(["--json"] if self.as_json else []),
        ]


def redrive(  # noqa: PLR0913  one argument for each option
    ids: EventIdsArgument = None,
    *,
    reason: ReasonOption = None,
    outcome_class: ClassOption = None,
    status: StatusOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    dry_run: _DryRunOption = False,
    diff: _DiffOption = False,
    samples: _SamplesOption = None,
    reveal: _RevealOption = False,
    canary: _CanaryOption = None,
    rate: RateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters back to be delivered.

    They become due at once, with a fresh retry budget; calls that Convertro accepted are not
    made again. Give ids, or filters, which must all apply, or --all. What dies after the start
    is not included. If interrupted, it names the command that goes on with those that are left.

    --diff shows for some of each kind what would be sent now, by the settings of this shell, and
    what was sent before they died, with values hidden.

    --canary N sends N, some of each kind, and the others once all N are delivered or skipped; if
    one dies again or has to wait for a retry, the others stay untouched. So they do if no worker is
    alive, deliveries are held, or no worker does anything for a lease and 30 s.

    Example: convertro dead redrive --reason rejected --diff

    Example: convertro dead redrive --reason rejected --canary 5 --rate 50/s

    Example: convertro dead redrive --all --dry-run

    Exit codes: 0 done, 1 some ids were not dead or the canary failed, 2 no selection or wrong
    options, 3 Redis is unavailable, 130 interrupted.
    """
    filters = Filters(
        reason=reason, outcome_class=outcome_class, status=status, since=since, until=until
    )
    selection = Selection(ids or (), filters, everything)
    manner = _Manner(
        dry_run=dry_run,
        diff=diff,
        samples=samples,
        reveal=reveal,
        canary=canary,
        rate=rate,
        as_json=as_json,
    )
    manner.check()
    selection.check()
    producer = open_journal()
    chosen = choose(producer.journal, selection)
    if diff:
        _show_diff(producer, chosen, manner)
    else:
        _redrive(producer, chosen, manner)


def _show_diff(producer: "Producer", chosen: Chosen, manner: _Manner) -> None:
    from worker.cli.dead.diff import DEFAULT_SAMPLES, show_diff  # noqa: PLC0415  only for --diff

    show_diff(
        producer.journal,
        producer.settings,
        chosen,
        number=manner.samples or DEFAULT_SAMPLES,
        reveal=manner.reveal,
        as_json=manner.as_json,
    )
    if chosen.not_dead:
        raise typer.Exit(ExitCode.NEGATIVE)


def _redrive(producer: "Producer", chosen: Chosen, manner: _Manner) -> None:
    from convertro.intake import OFFERED_WAKEUPS  # noqa: PLC0415  slow for help and completion

    moves = Moves(
        chosen,
        lambda some: producer.journal.redrive(some, offered=OFFERED_WAKEUPS),
        "redriven",
        manner.rate,
        lambda left: _command(chosen, left, manner),
    )
    if manner.dry_run:
        if not manner.as_json:
            say_place(producer.settings)
        report(moves, dry_run=True, as_json=manner.as_json)
        return
    more = {}
    if manner.canary and chosen.ids:
        canary = _send_canary(producer, moves, manner.canary)
        more = {"canary": canary.document()}
        _check(canary, moves, as_json=manner.as_json)
    moves.all_of(list(moves.left))
    report(moves, dry_run=False, as_json=manner.as_json, more=more)


def _send_canary(producer: "Producer", moves: Moves, number: int) -> Canary:
    """Send the canary and wait for what becomes of it.

    Raises:
        Exit: No event would be delivered now, so none was sent.
    """
    if why := obstacle(producer.journal.snapshot()):
        fail(ExitCode.NEGATIVE, f"{why}, so a canary would tell nothing: nothing was redriven")
    picked = spread(moves.chosen.by_kind, number)
    moves.all_of(picked)
    canary = Canary([name for name in picked if name in moves.moved])
    with (
        moves.accounted(),
        progress("Waiting for what becomes of the canary", len(canary.ids)) as bar,
    ):
        watch(producer.journal, canary, producer.settings.lease_seconds, bar)
    return canary


def _check(canary: Canary, moves: Moves, *, as_json: bool) -> None:
    """Let the others follow only if the canary succeeded.

    Raises:
        Exit: It did not.
    """
    if not canary.succeeded:
        if as_json:
            say(json_line({**document(moves, dry_run=False), "canary": canary.document()}))
        fail(ExitCode.NEGATIVE, canary.verdict(len(moves.left)))
    if not as_json:
        others = counted(len(moves.left), "other")
        complain(f"the canary of {len(canary.ids):,} is delivered or skipped; {others} follow")


def _command(chosen: Chosen, left: Sequence[str], manner: _Manner) -> str:
    """The command that redrives the ids that are left, but none that died again meanwhile."""
    rest = chosen.rest(left)
    words = ["convertro", "dead", "redrive", *rest.filters.arguments(), *manner.arguments()]
    if any(name.startswith("-") for name in rest.ids):
        words.append("--")
    return shlex.join([*words, *rest.ids])
