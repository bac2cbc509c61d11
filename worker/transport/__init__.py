"""One HTTP attempt: sent over a kept connection, its answer bounded in time and size.

Imported by delivery's composition; knows HTTP libraries, and of the destination only outcomes.
"""
