"""The outage drill: real load, real faults, real kills, and a count of what became of it."""
