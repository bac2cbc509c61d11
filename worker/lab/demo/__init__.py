"""The main job, for a newcomer: everything in one process tree, nothing installed."""
