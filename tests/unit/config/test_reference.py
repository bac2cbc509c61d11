"""The pages about the settings agree with the settings."""

import pytest

from config.settings import Settings
from config.write_reference import GROUPS, ROOT, configuration_page, environment_example


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (".env.example", environment_example()),
        ("docs/configuration.md", configuration_page()),
    ],
)
def test_the_page_says_what_the_settings_are(path: str, expected: str) -> None:
    assert (ROOT / path).read_text() == expected, "run `make reference`"


def test_every_group_begins_with_a_setting() -> None:
    assert set(GROUPS) <= set(Settings.model_fields)


def test_the_example_sets_every_default(monkeypatch: pytest.MonkeyPatch) -> None:
    defaults = Settings()
    for line in environment_example().splitlines():
        if "=" in line and line.startswith("# CONVERTRO_"):
            name, _, value = line.removeprefix("# ").partition("=")
            monkeypatch.setenv(name, value.strip("'"))
    assert Settings() == defaults
