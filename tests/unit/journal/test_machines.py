"""Arbitrary interleavings of workers, operators and time, on an in-process Redis."""

import fakeredis
from hypothesis import Phase, settings

from tests.support.machines.holding import SETTINGS as HOLDING_SETTINGS
from tests.support.machines.holding import HoldingMachine
from tests.support.machines.journal import SETTINGS, JournalMachine
from worker.journal.journal import Journal

# Few and short runs: the machines run longer on a real server, which is ten times as fast.
# fakeredis does not know the line with a script's flags, hence no shebang.


class FakeRedisMachine(JournalMachine):
    def make_journal(self) -> Journal:
        redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        return Journal(redis, SETTINGS, clock=self.clock, shebang=False)


class FakeRedisHoldingMachine(HoldingMachine):
    def make_journal(self) -> Journal:
        redis = fakeredis.FakeRedis(server=fakeredis.FakeServer())
        return Journal(redis, HOLDING_SETTINGS, clock=self.clock, shebang=False)


TestJournalOnFakeRedis = FakeRedisMachine.TestCase
TestJournalOnFakeRedis.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)

TestHoldingOnFakeRedis = FakeRedisHoldingMachine.TestCase
TestHoldingOnFakeRedis.settings = settings(
    max_examples=8,
    stateful_step_count=25,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
