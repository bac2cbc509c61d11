"""What happens to an event that was claimed: one event, when it is tried again, one deliver task.

Imported by the composition root alone; uses the destination, the transport and the journal.
"""
