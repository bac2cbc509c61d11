"""While Redis hangs, calls are refused; then one tries, whatever became of the last trial."""

import pytest
from redis.exceptions import TimeoutError as RedisTimeoutError

from convertro import JournalUnavailable, refusal
from convertro.refusal import Refusal
from tests.support.interruption import interrupted_everywhere
from tests.support.waiting import until


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """A refusal that has just seen a timeout, and lets the next call try."""
    monkeypatch.setattr(refusal, "REFUSED_SECONDS", 0)
    refusing = Refusal()
    see_a_timeout(refusing)
    return refusing


def see_a_timeout(refusing: Refusal) -> None:
    with pytest.raises(JournalUnavailable, match="hangs"), refusing:
        raise JournalUnavailable("it hangs") from RedisTimeoutError()


def is_tried(refusing: Refusal) -> bool:
    try:
        with refusing:
            return True
    except JournalUnavailable:
        return False


def test_one_caller_tries_and_others_are_refused_meanwhile(refusing: Refusal) -> None:
    with refusing:
        assert not is_tried(refusing)
        assert not is_tried(refusing)
    assert is_tried(refusing)


def test_after_an_interrupted_trial_others_may_try_later(
    refusing: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal, "_TRIAL_SECONDS", 0.001)
    for _ in interrupted_everywhere(lambda: is_tried(refusing)):
        until(lambda: is_tried(refusing))
        see_a_timeout(refusing)
