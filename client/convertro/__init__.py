"""What an application and a worker share: what an event is, and its way into the journal.

The lowest layer: it imports neither `worker` nor `config`, and every room above may import it.
"""
