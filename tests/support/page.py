"""The code of a documentation page, so that tests run exactly what is shown."""

import re
import shlex
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Page:
    """A page's fenced blocks, each named by its first line, and its indented commands."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text()
        #: The blocks by their files' names, which the first lines tell in a comment.
        self.files = {
            block.partition("\n")[0].removeprefix("# "): block
            for _, block in _BLOCK.findall(self.text)
        }
        self.commands = re.findall(r"^    (\w.*)$", _BLOCK.sub("", self.text), re.MULTILINE)

    def command(self, program: str) -> list[str]:
        """The words of the only command that begins with a program."""
        (found,) = (words for words in map(shlex.split, self.commands) if words[0] == program)
        return found

    def write(self, folder: Path, *names: str) -> None:
        """Write some of the page's files into a folder."""
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.files[name])
