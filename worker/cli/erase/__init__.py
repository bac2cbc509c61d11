"""`convertro erase`: whose events they are, and taking them out.

Imported by the table of commands alone.
"""
