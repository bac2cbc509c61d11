"""What the operator may choose."""
