"""Scripts are read once, while a process can still open a file."""

import shutil
from pathlib import Path
from typing import Any

from redis import Redis

from convertro.connection_pool import Connections
from convertro.scripts import LUA, Scripts


def test_a_script_needs_no_file_when_it_is_first_run(tmp_path: Path) -> None:
    folder = tmp_path / "lua"
    shutil.copytree(LUA, folder)
    scripts = Scripts(Connections(Redis()), "p:", {}, (folder,), shebang=True)
    shutil.rmtree(folder)

    def source_of(source: str, _digest: str, _parts: tuple[Any, ...]) -> str:
        return source

    assert "local" in scripts.run_by(source_of, "accept", {})
