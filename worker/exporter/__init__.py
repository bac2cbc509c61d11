"""The exporter: the journal's state as Prometheus metrics and a status page, over HTTP."""
