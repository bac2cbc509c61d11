"""What the answers to an operator are made of. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from config.settings import Settings
from worker.journal.snapshot import Memory, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known."""

    snapshot: Snapshot
    memory: Memory
    settings: Settings
    #: How many events reach their horizon by `horizon_by_ms`.
    horizon_by: int = 0

    @property
    def horizon_first_ms(self) -> int | None:
        """When the first event that was tried reaches its horizon."""
        first = self.snapshot.first_tried_ms
        return None if first is None else first + self.horizon_ms

    @property
    def horizon_ms(self) -> int:
        """The retry horizon in milliseconds."""
        return int(self.settings.retry_horizon_seconds * 1000)

    @property
    def horizon_by_ms(self) -> int | None:
        """The end of the six hours of the day in which that is: 0, 6, 12 or 18 o'clock UTC."""
        if self.horizon_first_ms is None:
            return None
        first = datetime.fromtimestamp(self.horizon_first_ms / 1000, UTC)
        begin = first.replace(hour=first.hour // 6 * 6, minute=0, second=0, microsecond=0)
        return int((begin + timedelta(hours=6)).timestamp() * 1000)
