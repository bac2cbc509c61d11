"""What the preflight tries, against what the journal does."""

import re

from worker.lab.demo.stack import ROOT
from worker.preflight.rights import journal_trials

#: A worker can do without it.
OPTIONAL = {"INFO"}


def test_every_command_of_a_script_is_tried() -> None:
    scripts = [*ROOT.glob("worker/journal/lua/*.lua"), *ROOT.glob("client/convertro/lua/*.lua")]
    text = "".join(script.read_text(encoding="utf-8") for script in scripts)
    used = set(re.findall(r"redis\.p?call\(\s*'([A-Z]+)'", text))
    assert "HSET" in used
    tried = {command for command, _key, _rest in journal_trials("prefix:")}
    assert used - OPTIONAL <= tried
