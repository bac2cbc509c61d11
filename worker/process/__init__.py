"""The worker's use of Celery: ticker, wake-ups, stopping, Flower, privacy.

It knows Celery and the journal, but no destination.
"""
