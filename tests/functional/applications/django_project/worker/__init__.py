"""The project's own `worker`."""
