"""`convertro dead …`: which dead letters, what would be sent, moving them.

Imported by the table of commands alone.
"""
