"""Arbitrary interleavings of workers, operators and time, on an in-process Redis."""

import fakeredis
from hypothesis import settings

from tests.journal_machine import SETTINGS, JournalMachine
from worker.journal import Journal


class FakeRedisMachine(JournalMachine):
    def make_journal(self) -> Journal:
        redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        # fakeredis does not know the line with a script's flags.
        return Journal(redis, SETTINGS, clock=self.clock, shebang=False)


TestJournalOnFakeRedis = FakeRedisMachine.TestCase
TestJournalOnFakeRedis.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
