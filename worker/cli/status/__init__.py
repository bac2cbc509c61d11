"""`convertro status`: the same status for people, for machines, and again and again.

Imported by the table of commands alone.
"""
