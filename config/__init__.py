"""The settings that the operator may choose, and what depends on them alone."""
