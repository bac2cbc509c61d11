"""How long an event takes from its call to the sink while the queue is almost empty.

A producer calls at a steady rate, without waiting for deliveries, while workers wait. The sink
answers at once; its log has times to a millisecond.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.entrant import Entrant, ProducerEndedError
from benchmarks.entries import Way
from benchmarks.sink import EventsMissingError

#: The number of events delivered before measuring, so that all workers are awake and connected.
WARM_UP = 500

#: How long workers are idle before each rate, in seconds, as before any event of a quiet stream.
QUIET_SECONDS = 2.0

#: A rate is held if no call was later than this, and the last arrival came within this time after
#: the last call, in seconds.
LATE_SECONDS = 0.5

PATIENCE_SECONDS = 30.0
QUANTILES = (50, 95, 99)

#: The fewest events at a rate, however long they take; p99 needs 100.
FEWEST = 50
FEWEST_FOR_P99 = 100


def measure_latency(way: Way, rates: Sequence[float], seconds: float) -> Iterator[dict[str, Any]]:
    """Yield a row for each rate; without quantiles if the rate was not held."""
    try:
        with Entrant(way, 0) as entrant:
            try:
                yield from _paces(entrant, rates, seconds)
            except (EventsMissingError, ProducerEndedError) as error:
                yield {"failed": f"{error}: {entrant.last_words()}"}
    except OSError as error:
        yield {"failed": str(error)}


def _paces(entrant: Entrant, rates: Sequence[float], seconds: float) -> Iterator[dict[str, Any]]:
    entrant.start_workers()
    entrant.produce("single", 0, WARM_UP)
    entrant.sink.wait_for(WARM_UP, PATIENCE_SECONDS)
    first = WARM_UP
    for rate in rates:
        time.sleep(QUIET_SECONDS)
        count = max(int(rate * seconds), FEWEST)
        row = {"rate": rate, "events": count, **pace(entrant, rate, first, count)}
        print(line_of(entrant.way, row), flush=True)
        yield row
        first += count


def pace(entrant: Entrant, rate: float, first: int, count: int) -> dict[str, Any]:
    entrant.sink.forget()
    made = entrant.produce("paced", first, count, rate)
    entrant.sink.wait_for(count, PATIENCE_SECONDS)
    time.sleep(0.1)
    arrived = {arrival.number: arrival.at_seconds for arrival in entrant.sink.arrivals()}
    calls_at = made["calls_at"]
    late = max(at - (calls_at[0] + index / rate) for index, at in enumerate(calls_at))
    behind = max(arrived.values()) - calls_at[-1]
    if max(late, behind) > LATE_SECONDS:
        return {"held": False, "late_seconds": late, "behind_seconds": behind}
    took_ms = sorted((arrived[first + index] - at) * 1000 for index, at in enumerate(calls_at))
    return {
        "held": True,
        **{
            f"p{part}_ms": round(took_ms[(count - 1) * part // 100], 1)
            for part in QUANTILES
            if part < 99 or count >= FEWEST_FOR_P99
        },
    }


def line_of(way: Way, row: dict[str, Any]) -> str:
    begun = f"latency  {way.name:<15}{row['rate']:>6.0f} events/s"
    if not row["held"]:
        late, behind = row["late_seconds"], row["behind_seconds"]
        return f"{begun}  not held: {late:.1f} s late, {behind:.1f} s behind"
    fields = [(part, f"p{part}_ms") for part in QUANTILES]
    return begun + "".join(
        f"  p{part} {row[name]:>6.1f} ms" for part, name in fields if name in row
    )
