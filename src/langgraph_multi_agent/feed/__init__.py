"""Feeds: wake-ups for readers of the event log. May lose anything; the log is the truth."""
