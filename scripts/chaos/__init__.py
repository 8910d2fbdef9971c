"""Faults against real processes: what each does, and what must hold after it.

`registry` is what every fault looks like, the other modules hold the faults; the tests of
`tests/integration/faults` run each once, `python -m scripts.chaos` runs them longer.
"""
