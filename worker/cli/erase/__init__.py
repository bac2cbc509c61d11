"""`convertro erase`: finds the events of a person and removes them.

Only the table of commands imports it.
"""
