"""Delivers claimed events: the steps of one event, its retries, and the deliver task.

It uses the destination, the transport and the journal.
"""
