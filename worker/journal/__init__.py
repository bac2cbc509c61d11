"""The journal, which holds every event: each step is one Lua script, each look changes nothing.

It imports only the client, the settings, and values of the worker.
"""
