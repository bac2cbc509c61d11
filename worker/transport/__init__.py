"""Makes HTTP attempts over kept connections; each answer is bounded in time and size.

Of the destination it knows only how answers are classified.
"""
