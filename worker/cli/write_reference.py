"""Writes `docs/cli.md` from the help of every command.

Run it as `python -m worker.cli.write_reference`; a test fails while the page differs.
"""

from collections.abc import Iterator
from pathlib import Path

from worker.cli.program import COMMANDS, DEAD_COMMANDS, LIST_COMMANDS, Entry, LazyCommand
from worker.cli.terminal.exit_codes import ExitCode

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"

#: The width of help on a terminal of 80 columns or more, in columns.
_HELP_COLUMNS = 78

_INTRODUCTION = """\
# The command `convertro`

What follows the exit codes is what `convertro COMMAND --help` prints; `make reference` writes this
page. Samples of output and the fields of `--json`: [what commands print](output.md).

- `make setup` puts it at `.venv/bin/convertro`; `.venv/bin/python -m worker.cli` is the same.
- Settings come from the environment, as for a worker ([configuration](configuration.md)). A command
  that reads the journal needs `CONVERTRO_REDIS_URL` and, if workers have others than the defaults,
  `CONVERTRO_KEY_PREFIX` and `CONVERTRO_BROKER_URL`.
- Answers go to standard output, complaints and progress bars to standard error; bars appear on a
  terminal only. Tables fit the terminal, `COLUMNS`, or 80 columns in a pipe. `NO_COLOR` switches
  colours off.
- `--json` prints one JSON document in ASCII, with times in ISO 8601 and UTC. Fields may be added;
  none changes its meaning.
- An event's content is shown by `translate`, `show --reveal`, `dead redrive --diff --reveal` and
  `dead export` alone; lists show the name of a track.
- The line `Redis 127.0.0.1:6379, database 0, keys {convertro}:*` names the journal, never a
  password. One without events and workers so far *has never been used*: probably the wrong one.
- Ids come from outside: characters that a terminal would obey are printed as escapes.
- Redis has 5 s for each answer.

Completion, for bash, zsh and fish:

    convertro --install-completion           # into a file below your home, for new shells
    eval "$(convertro --show-completion)"    # for this shell only
"""

_EXIT_CODES = {
    ExitCode.DONE: "Everything that was asked for is done or shown.",
    ExitCode.NEGATIVE: (
        "It ran, and the answer is no: refused events, an unknown id, an event that is not dead, "
        "a failed canary, a person's events of which some are left, a violated audit, something "
        "wrong that `status --check` found, an error that `preflight` found, a worker that is not "
        "healthy, a declined confirmation. Also: the reader of the output stopped reading."
    ),
    ExitCode.USAGE: (
        "A wrong option, a wrong setting, no selection, an extra that is not installed, or a file "
        "that cannot be read or written."
    ),
    ExitCode.UNAVAILABLE: "Redis did not answer, or refused.",
    ExitCode.INTERRUPTED: "Ctrl-C.",
}


def every_command() -> Iterator[tuple[str, Entry]]:
    """Every command as the user types it after `convertro`, in the order of the tables."""
    yield from COMMANDS.items()
    for group, entries in (("list", LIST_COMMANDS), ("dead", DEAD_COMMANDS)):
        yield from ((f"{group} {name}", entry) for name, entry in entries.items())


def cli_page() -> str:
    """The text of `docs/cli.md`."""
    lines = [_INTRODUCTION, "## Exit codes\n", "| code | name | meaning |", "| --- | --- | --- |"]
    lines += [f"| {code.value} | {code.name.lower()} | {_EXIT_CODES[code]} |" for code in ExitCode]
    for name, entry in every_command():
        lines += [f"\n## `convertro {name}`\n", "```", _help(name, entry), "```"]
    return "\n".join(lines) + "\n"


def _help(name: str, entry: Entry) -> str:
    """What `convertro NAME --help` prints, independent of the terminal."""
    context = LazyCommand(name, entry).make_context(
        f"convertro {name}", [], resilient_parsing=True, terminal_width=_HELP_COLUMNS
    )
    return str(context.get_help())


def write() -> None:
    """Write the page."""
    PAGE.write_text(cli_page(), encoding="utf-8")


if __name__ == "__main__":
    write()
