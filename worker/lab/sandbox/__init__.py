"""A stand-in for Convertro: a real HTTP server that checks, records and fails on demand."""
