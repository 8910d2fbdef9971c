"""Doorbells: hints that work may be waiting. The database, not the queue, owns the work."""
