"""The product beside the queues that its users might choose instead, in interleaved rounds.

`make bench` or `python -m benchmarks.race --rounds 5 --events 2500 --latencies 0,50,200`.
Every way gets the same 1 KB events, translates and encodes them with the product's code, and posts
them to the same sink. Each has its own Valkey, producer process and workers, on the same cores.
Every measurement is a row of `results/race.json`, which is written after each of them.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.entrant import Entrant, ProducerEndedError
from benchmarks.entries import WAYS, Way
from benchmarks.latency import measure_latency
from benchmarks.race_report import report
from benchmarks.results_file import write_results
from benchmarks.sink import Arrival, EventsMissingError, Sink, Tally, tally
from benchmarks.ways_versions import versions_of

#: The number of events enqueued before measuring, so that connections and scripts are ready.
WARM_UP = 50

#: The part of a drain that is measured, as shares of the arrivals: at its beginning workers start
#: one after the other, at its end they run out of work one after the other.
DRAIN_FROM, DRAIN_TO = 0.2, 0.9

#: How long to go on after the last arrival, in seconds, so that work such as acknowledging counts.
SETTLE_SECONDS = 0.5

#: The latency above which a sink is slow, in milliseconds. At a slow sink each way has as many
#: events in flight as is best for it; ways that cannot have more get half as many events, because
#: otherwise they take too long.
SLOW_MS = 100

#: How long no event may arrive before a way counts as failed, in seconds.
PATIENCE_SECONDS = 30.0

Row = dict[str, Any]


def measure(
    way: Way, latency_ms: float, events: int, bounds: Mapping[str, int] | None = None
) -> Row:
    """Measure one way in one round; `bounds` replace the way's own.

    If the way fails, the row holds what was measured before, and the reason.
    """
    row: Row = {}
    try:
        with Entrant(way, latency_ms, bounds) as entrant:
            try:
                row |= enqueuing(entrant, events)
                row |= delivering(entrant, events)
            except (EventsMissingError, ProducerEndedError) as error:
                row["failed"] = f"{error}: {entrant.last_words()}"
    except OSError as error:
        row["failed"] = str(error)
    return row


def enqueuing(entrant: Entrant, events: int) -> Row:
    """Enqueue by single calls without workers; measure calls per second, CPU, Redis's memory."""
    entrant.produce("single", 0, WARM_UP)
    bytes_before, cpu_before = entrant.redis_bytes(), entrant.cpu()
    made = entrant.produce("single", WARM_UP, events)
    cpu = entrant.cpu()
    return {
        "enqueue_per_second": events / made["seconds"],
        "enqueue_cpu_s_per_10k": per_10k(made["cpu_seconds"], events),
        "enqueue_redis_cpu_s_per_10k": per_10k(cpu.redis - cpu_before.redis, events),
        "redis_bytes_per_event": (entrant.redis_bytes() - bytes_before) / events,
    }


def delivering(entrant: Entrant, events: int) -> Row:
    """Drain what waits, then deliver while events come, by single calls and then in bulk."""
    entrant.start_workers()
    waiting = WARM_UP + events
    arrivals = arrivals_of(entrant, waiting)
    row: Row = {"drain_per_second": drain_rate(arrivals)}
    memory = [entrant.worker_mib()]
    tallies = [tally(arrivals, range(waiting))]
    row |= flow(entrant, "single", waiting, events, tallies)
    memory.append(entrant.worker_mib())
    if entrant.way.bulk:
        found = flow(entrant, "many", waiting + events, events, tallies)
        row |= {f"bulk_{name}": value for name, value in found.items()}
        memory.append(entrant.worker_mib())
    row["worker_processes"] = entrant.worker_processes()
    entrant.kill_workers()
    if entrant.way.bulk:
        made = entrant.produce("many", waiting + 2 * events, events)
        row["bulk_enqueue_per_second"] = events / made["seconds"]
        row["bulk_enqueue_cpu_s_per_10k"] = per_10k(made["cpu_seconds"], events)
    return {**row, "worker_mib": max(memory), **total(tallies)._asdict()}


def flow(entrant: Entrant, kind: str, first: int, events: int, tallies: list[Tally]) -> Row:
    """Enqueue while the workers run, until everything has arrived."""
    entrant.sink.forget()
    before = entrant.cpu()
    made = entrant.produce(kind, first, events)
    arrivals = arrivals_of(entrant, events)
    after = entrant.cpu()
    tallies.append(tally(arrivals, range(first, first + events)))
    seconds = max(arrival.at_seconds for arrival in arrivals) - made["begun_at"]
    return {
        "events_per_second": events / seconds,
        "worker_cpu_s_per_10k": per_10k(after.workers - before.workers, events),
        "redis_cpu_s_per_10k": per_10k(after.redis - before.redis, events),
        "producer_cpu_s_per_10k": per_10k(made["cpu_seconds"], events),
    }


def arrivals_of(entrant: Entrant, events: int) -> list[Arrival]:
    """Wait for a number of arrivals, and for the work that follows the last of them.

    Raises:
        EventsMissingError: Some did not arrive.
    """
    entrant.sink.wait_for(events, PATIENCE_SECONDS)
    time.sleep(SETTLE_SECONDS)
    return entrant.sink.arrivals()


def drain_rate(arrivals: Sequence[Arrival]) -> float:
    """The events per second in the measured part of a drain."""
    times = sorted(arrival.at_seconds for arrival in arrivals)
    first, last = int(len(times) * DRAIN_FROM), int(len(times) * DRAIN_TO) - 1
    return (last - first) / max(times[last] - times[first], 0.001)


def total(tallies: Sequence[Tally]) -> Tally:
    return Tally(*map(sum, zip(*tallies, strict=True)))


def per_10k(seconds: float, events: int) -> float:
    return seconds / events * 10_000


def in_turn(names: Sequence[str], number: int) -> Iterator[Way]:
    """The ways, beginning with another one in each round."""
    shift = number % len(names)
    return (WAYS[name] for name in [*names[shift:], *names[:shift]])


def line_of(row: Row) -> str:
    begun = f"round {row['round'] + 1}  {row['latency_ms']:>3.0f} ms  {row['way']:<15}"
    if "failed" in row:
        return f"{begun} FAILED {row['failed']}"
    tallied = "".join(f"  {row[name]} {name}" for name in Tally._fields if row[name])
    return (
        f"{begun}{row['enqueue_per_second']:>7.0f} enqueued/s"
        f"{row['drain_per_second']:>7.0f} drained/s{row['events_per_second']:>7.0f} events/s"
        f"{row['worker_cpu_s_per_10k']:>7.1f} CPU s/10k{row['worker_mib']:>7.0f} MiB{tallied}"
    )


def race(options: argparse.Namespace, save: Callable[[list[Row], list[Row]], None]) -> None:
    """Run all rounds; call `save` after each row."""
    rows: list[Row] = []
    latency_rows: list[Row] = []
    for number in range(options.rounds):
        for latency_ms in options.latencies:
            for way in in_turn(options.ways, number):
                events, bounds = options.events, {}
                if latency_ms > SLOW_MS and way.slow_in_flight:
                    bounds = {"in_flight": way.slow_in_flight}
                elif latency_ms > SLOW_MS:
                    events //= 2
                about = {"round": number, "latency_ms": latency_ms, "way": way.name}
                row = {**about, "events": events, **measure(way, latency_ms, events, bounds)}
                rows.append(row)
                print(line_of(row), flush=True)
                save(rows, latency_rows)
    for number in range(options.latency_rounds):
        for way in in_turn(options.ways, number):
            for row in measure_latency(way, options.rates, options.seconds):
                latency_rows.append({"round": number, "way": way.name, **row})
                save(rows, latency_rows)
    report(rows, latency_rows)


def numbers(text: str) -> list[float]:
    return [float(each) for each in text.split(",") if each]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=2500)
    parser.add_argument("--latencies", type=numbers, default=[0.0, 50.0, 200.0])
    parser.add_argument("--ways", type=lambda text: text.split(","), default=list(WAYS))
    parser.add_argument("--latency-rounds", type=int, default=2)
    parser.add_argument("--rates", type=numbers, default=[10.0, 100.0, 1000.0])
    parser.add_argument("--seconds", type=float, default=4.0, help="of each rate")
    parser.add_argument("--quick", action="store_true", help="one short round of everything")
    options = parser.parse_args()
    if options.quick:
        options.rounds = options.latency_rounds = 1
        options.events, options.latencies, options.seconds = 1000, [0.0, 50.0], 2.0
    if unknown := set(options.ways) - set(WAYS):
        parser.error(f"no such way: {', '.join(sorted(unknown))}; there are {', '.join(WAYS)}")
    if missing := [name for name in options.ways if not WAYS[name].is_installed()]:
        parser.error(f"not installed: {', '.join(missing)}; `make bench` installs them")
    return options


def main() -> None:
    options = parse()
    ways = {
        name: {
            "configuration": WAYS[name].configuration(),
            "commands": [" ".join(command) for command in WAYS[name].plain_commands()],
            "bulk": WAYS[name].bulk,
            "versions": versions_of(WAYS[name]),
        }
        for name in options.ways
    }
    asked = {name: value for name, value in vars(options).items() if name != "ways"}
    with Sink(0) as sink:
        kind = sink.kind

    def save(rows: list[Row], latency_rows: list[Row]) -> None:
        write_results("race", rows, latency_rows=latency_rows, ways=ways, options=asked, sink=kind)

    race(options, save)


if __name__ == "__main__":
    main()
