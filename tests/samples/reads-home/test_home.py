"""Plants a need: `~/.flaky-sample` with the line `ready`, found through HOME."""

from pathlib import Path


def test_settings_of_the_user_are_there():
    assert Path("~/.flaky-sample").expanduser().read_text() == "ready\n"


def test_that_needs_no_home():
    assert True
