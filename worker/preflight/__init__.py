"""What is checked before a worker starts, and by `convertro preflight`."""
