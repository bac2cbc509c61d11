"""How each way enqueues and delivers; every module is imported in its own environment only."""
