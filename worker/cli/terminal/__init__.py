"""What commands share: settings and journal, options, tables, progress, exit codes.

Commands and the lab import it; it imports no command.
"""
