"""`convertro status`: the status for people, as JSON, and repeated by `--watch`.

Only the table of commands imports it.
"""
