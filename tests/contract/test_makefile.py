"""Every target that the Makefile promises has a rule."""

import re
from pathlib import Path

MAKEFILE = (Path(__file__).resolve().parents[2] / "Makefile").read_text()


def test_every_target_has_a_rule() -> None:
    (phony,) = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    rules = re.findall(r"^([a-z]+):(?!=)", MAKEFILE, re.MULTILINE)
    assert sorted(phony.split()) == sorted(rules)
