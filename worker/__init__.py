"""The worker, which delivers events, and the operator's commands."""
