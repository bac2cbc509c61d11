"""To try and to prove things: the sandbox, which stands in for Convertro, the demo, the drill.

Only the table of commands and the tests import it.
"""
