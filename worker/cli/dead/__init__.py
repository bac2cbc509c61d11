"""`convertro dead …`: selects dead letters, shows what would be sent, moves them.

Only the table of commands imports it.
"""
