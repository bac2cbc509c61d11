"""An application with Segment's own library: `python -m tests.support.python_sdk URL KEY`.

It tracks events until its input ends and waits until the library has sent or dropped all. Then it
prints the ids of all events, and of those that the library reported as lost.
"""

import json
import sys
import time
from threading import Thread
from typing import Any

from segment.analytics.client import Client

from tests.support.events import DEVICE_ID

PER_SECOND = 200


def main() -> None:
    url, key = sys.argv[1:3]
    lost: list[str] = []

    def report(_error: Exception, items: list[Any]) -> None:
        lost.extend(item["messageId"] for item in items)

    client = Client(
        key, host=url, on_error=report, upload_size=20, upload_interval=0.05, gzip=True, timeout=5
    )
    is_over = Thread(target=sys.stdin.read, daemon=True)
    is_over.start()
    ids: list[str] = []
    while is_over.is_alive():
        name = f"sdk-{len(ids)}"
        properties = {"revenue": 1}
        context = {"device": {"id": DEVICE_ID, "type": "ios"}}
        queued, _ = client.track("u1", "Upgraded", properties, context, message_id=name)
        assert queued, "the queue of the library is full"
        ids.append(name)
        time.sleep(1 / PER_SECOND)
    client.shutdown()
    print(json.dumps({"ids": ids, "lost": lost}))


if __name__ == "__main__":
    main()
