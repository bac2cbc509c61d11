"""How each way enqueues and delivers; each module can be imported only in its own environment."""
