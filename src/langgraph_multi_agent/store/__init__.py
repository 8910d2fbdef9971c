"""The main store: tasks, runs, journal, events, artifacts' names, questions, budgets.

Hides SQLAlchemy, both dialects, locking, fencing and group commit. Callers hand a *unit of
work*, a plain function over a `Store`, to `Database.write` or `Database.read`; it is one
transaction, and nothing outside the database can be awaited inside it (ADR 0009).
"""
