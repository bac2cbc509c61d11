"""Delivers with requests, over one kept connection for each thread, greenlet or process."""

import threading
from typing import Any

import requests

from benchmarks.ways.delivery import TIMEOUTS_SECONDS, posts


class _Local(threading.local):
    def __init__(self) -> None:
        self.session = requests.Session()
        self.session.trust_env = False  # looking for proxies and netrc costs more than the request


_local = _Local()


def deliver(event: dict[str, Any]) -> None:
    """Deliver one event.

    Raises:
        requests.RequestException: It was not accepted.
    """
    for post in posts(event):
        response = _local.session.post(
            post.url, data=post.body, headers=post.headers, timeout=TIMEOUTS_SECONDS
        )
        response.raise_for_status()
