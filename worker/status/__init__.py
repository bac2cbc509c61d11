"""What the journal's figures mean: the state, what is wrong, whether workers are healthy.

The command line, the exporter and probes use it; it prints nothing.
"""
