"""Seeded faults: known bugs that are put into a copy of the code to see that a test turns red.

`python -m scripts.faults` runs them; docs/faults.md says what they are for.
"""
