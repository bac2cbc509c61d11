"""What the product does beside the queues that could be used instead, and what it costs."""
