"""Measures the product beside other queues, and what its parts cost."""
