"""Where every event lives: each step is one Lua script, each look reads and changes nothing.

May be imported by every room above it; imports the client's layer and values of its own only.
"""
