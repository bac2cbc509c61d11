"""How a worker process lives inside Celery: ticker, wake-ups, stopping, Flower, privacy.

Imported by delivery and the composition root; knows Celery and the journal, never a destination.
"""
