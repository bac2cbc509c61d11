"""The checks before a worker starts, which `convertro preflight` makes too."""
