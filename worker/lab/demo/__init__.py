"""The demo shows a newcomer the main job, in one process tree, with nothing to install."""
