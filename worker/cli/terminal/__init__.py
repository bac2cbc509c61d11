"""What every command shares: settings and journal, options, tables, progress, exit codes.

Imported by commands and by the lab; imports no command.
"""
