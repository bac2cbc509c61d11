"""What applications import that run from this checkout; others install only the client.

from tasks import enqueue

enqueue({"type": "track", "event": "Signed Up", "userId": "u1", ...})
"""

from convertro import InvalidEvent, InvalidEvents, JournalUnavailable, enqueue, enqueue_many

__all__ = ["InvalidEvent", "InvalidEvents", "JournalUnavailable", "enqueue", "enqueue_many"]
