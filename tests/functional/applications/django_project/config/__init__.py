"""The project's own `config`, with a Celery application of its own."""

import os

from celery import Celery

app = Celery("shop", broker=os.environ.get("SHOP_BROKER_URL"), include=["tasks"])
app.conf.broker_connection_retry_on_startup = True
