"""The door for applications: hand over raw Segment events.

from tasks import enqueue

enqueue({"type": "track", "event": "Signed Up", "userId": "u1", ...})
"""

from tasks.producer import InvalidEvent, InvalidEvents, JournalUnavailable, enqueue, enqueue_many

__all__ = ["InvalidEvent", "InvalidEvents", "JournalUnavailable", "enqueue", "enqueue_many"]
