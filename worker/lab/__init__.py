"""To try and to prove: the sandbox that stands in for Convertro, the demo, the outage drill.

Nothing imports it but the table of commands and the tests.
"""
