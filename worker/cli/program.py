"""The table of commands, and how each is found, run and ended.

A command's module is imported only when the command runs: `convertro translate` needs no Redis
client, and `convertro --help` answers at once.
"""

import gc
import io
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from config.printable import printable
from config.streams import replace_closed_streams
from convertro.errors import JournalUnavailable
from worker.cli.terminal.exit_codes import ExitCode, complain, fail_unavailable
from worker.cli.terminal.extras import EXTRAS, fail_without

_CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"]}

_SUMMARY = "Segment's Convertro destination: look at its events, put some in, send some back."

# A \b keeps the lines of its paragraph as they are.
_EPILOG = """
\b
Example: convertro demo         see the main job done, on this machine only
Example: convertro preflight    see whether workers can start here
Example: convertro status       see how things stand

`convertro COMMAND --help` says more; docs/index.md says which page answers what.
"""

#: The number of new objects after which Python looks for garbage. What libraries make while they
#: are loaded stays: looking through it after every 700 objects, the default, takes a twentieth of a
#: command's time.
_GARBAGE = 20_000

#: The installed distribution, whose version `--version` prints.
_DISTRIBUTION = "convertro-destination"


class Entry(NamedTuple):
    """Where a command's function is, and its line in the list of commands."""

    target: str
    summary: str


COMMANDS = {
    "enqueue": Entry("worker.cli.enqueue:enqueue", "Put raw Segment events into the journal."),
    "translate": Entry("worker.cli.translate:translate", "Show what events become; sends nothing."),
    "status": Entry("worker.cli.status.command:status", "Say how things stand."),
    "show": Entry("worker.cli.show:show", "Say where one event is and what happened to it."),
    "pause": Entry("worker.cli.pause:pause", "Hold deliveries; events are still accepted."),
    "resume": Entry("worker.cli.pause:resume", "Deliver again."),
    "erase": Entry(
        "worker.cli.erase.command:erase", "Remove a person's events, whatever their state."
    ),
    "audit": Entry("worker.cli.audit:audit", "Check that every event is accounted for."),
    "schedule": Entry("worker.cli.schedule:schedule", "Say when a failed call is tried again."),
    "preflight": Entry(
        "worker.cli.preflight:preflight", "Check whether workers can start and run well."
    ),
    "health": Entry("worker.cli.health:health", "Say whether workers are healthy, for probes."),
    "forget": Entry(
        "worker.cli.forget:forget", "Remove a worker that is gone for good from the list."
    ),
    "exporter": Entry("worker.cli.exporter:exporter", "Serve Prometheus metrics."),
    "collector": Entry("worker.cli.collector:collector", "Take events from Segment's SDKs."),
    "demo": Entry(
        "worker.lab.demo.demo_command:demo", "See the main job done, everything included."
    ),
    "drill": Entry(
        "worker.lab.drill.drill_command:drill", "Show that nothing is lost, whatever breaks."
    ),
    "sandbox": Entry(
        "worker.lab.sandbox.sandbox_command:sandbox",
        "Stand in for Convertro, or fail as told.",
    ),
}

LIST_COMMANDS = {
    "waiting": Entry(
        "worker.cli.list_waiting:list_waiting", "List events that are not finished, and why."
    ),
}

DEAD_COMMANDS = {
    "list": Entry("worker.cli.dead.list:list_dead", "List dead letters, oldest first."),
    "show": Entry("worker.cli.show:show_dead", "Say what happened to one dead letter."),
    "redrive": Entry("worker.cli.dead.redrive:redrive", "Send dead letters back to be delivered."),
    "discard": Entry("worker.cli.dead.discard:discard", "Let dead letters go for good."),
    "export": Entry("worker.cli.dead.export:export", "Write dead letters with their events."),
}


class _Frugal:
    """Converts only the options that were given, because Typer loads pydantic to convert one.

    Loading it takes a tenth of a second, as long as everything else that a probe does.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """The options, including `--help`, and the arguments."""
        parameters: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # the class that it is mixed into has it
        for parameter in parameters:
            if not isinstance(parameter.process_value, partial):
                parameter.process_value = partial(_processed, parameter, parameter.process_value)
        return parameters


def _processed(parameter: Any, process: Callable[..., Any], ctx: Any, value: Any) -> Any:
    """The value of a parameter; `process` is called only if the user gave one."""
    is_single = not parameter.multiple and parameter.nargs == 1
    if value is not parameter.default or parameter.required or not is_single:
        return process(ctx, value)
    return parameter.callback(ctx, parameter, value) if parameter.callback else value


class _Plain:
    """Reports wrong arguments without printing characters that a terminal would obey."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments.

        Raises:
            TyperException: The arguments are wrong.
        """
        try:
            rest: list[str] = super().parse_args(ctx, args)  # type: ignore[misc]  # the same
        except typer.TyperException as error:
            # Typer converts with pydantic, which puts this before a converter's message.
            error.message = printable(error.message.removeprefix("Value error, "), but="\n")
            raise
        return rest


class _Command(_Frugal, _Plain, TyperCommand):
    """A single command."""


class _Group(_Frugal, _Plain, TyperGroup):
    """A group of commands, such as `convertro dead`."""


class LazyCommand(TyperCommand):
    """A command that is imported when it runs.

    Args:
        name: The word that the user types.
        entry: Where the function is, and its line in the list of commands.
    """

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.summary, rich_markup_mode=None)
        self._target = entry.target

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Hand over to the real command, which reads its own arguments."""
        try:
            command = self.load()
        except ModuleNotFoundError as error:
            # Only an extra that is not installed is explained; any other missing module is a fault.
            module = str(error.name).partition(".")[0]
            if module not in EXTRAS.get(str(self.name), ()):
                raise
            fail_without(str(self.name), module, str(self.name))
        return command.make_context(*args, **extra)

    def load(self) -> Any:
        """Import the real command."""
        module, _, function = self._target.partition(":")
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        register = app.command(self.name, cls=_Command, context_settings=_CONTEXT)
        register(getattr(import_module(module), function))
        return typer.main.get_command(app)


class _Program(_Group):
    """The whole command line; it turns the errors that any command may raise into sentences."""

    def invoke(self, *args: Any, **extra: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(*args, **extra)
        except JournalUnavailable as error:
            fail_unavailable(error)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program, or show its help or version."""
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.errno is None:  # a library raised it, not the system
                raise
            complain(f"{error.filename or 'output'}: {error.strerror}")
            sys.exit(ExitCode.USAGE)


def program() -> TyperGroup:
    """Assemble the command line."""
    group = _group(_Program, "convertro", COMMANDS, _SUMMARY)
    group.epilog = _EPILOG
    group.params += _options()
    for name, entries, summary in (
        ("list", LIST_COMMANDS, "List events that are not finished."),
        ("dead", DEAD_COMMANDS, "Look at dead letters, send them back, discard them."),
    ):
        group.add_command(_group(_Group, name, entries, summary))
    return group


def _options() -> Any:
    """The program's own options: `--version`, and Typer's for completion."""
    app = typer.Typer(rich_markup_mode=None)
    app.callback()(_own_options)
    return typer.main.get_command(app).params


def _say_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  slow, and seldom asked for

        typer.echo(f"convertro {version(_DISTRIBUTION)}")
        raise typer.Exit(ExitCode.DONE)


def _own_options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """What may be given before a command."""


def _group(
    kind: type[TyperGroup], name: str, entries: dict[str, Entry], summary: str
) -> TyperGroup:
    return kind(
        name=name,
        commands={name: LazyCommand(name, entry) for name, entry in entries.items()},
        help=summary,
        rich_markup_mode=None,
        no_args_is_help=True,
        context_settings=_CONTEXT,
    )


def main() -> None:
    """Run the command that the user typed and exit with its code."""
    gc.set_threshold(_GARBAGE)
    if sys.stdout is None:  # closed by the caller, so no result could be printed
        complain("standard output is closed")
        sys.exit(ExitCode.USAGE)
    replace_closed_streams()
    _escape_what_cannot_be_shown()
    program().main(prog_name="convertro")


def _escape_what_cannot_be_shown() -> None:
    """Print characters that the terminal lacks as escapes, so that no id ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
