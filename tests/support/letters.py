"""Dead letters as an operator chooses them: by id and by the time of death that was seen."""

from worker.journal.journal import Death
from worker.journal.reading import ReadableJournal


def deaths_of(journal: ReadableJournal, *ids: str) -> list[Death]:
    """The ids with the times at which they died; 0 for those that are not dead."""
    sightings = [(event_id, journal.look(event_id)) for event_id in ids]
    return [
        (event_id, (found.at_ms or 0) if found.place == "dead" else 0)
        for event_id, found in sightings
    ]
