"""The outage drill: real load, real faults, real kills, and an account of every event."""
