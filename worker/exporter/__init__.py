"""The exporter: what the journal knows, as Prometheus metrics over HTTP."""
