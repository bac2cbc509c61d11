"""What the journal's figures mean: how things stand, what is wrong, whether workers are healthy.

Used by the command line, the exporter and probes alike; prints nothing.
"""
