"""Tables: any supported file becomes one DuckDB table named `data`, and findings come from it.

Skills: `tables.profile`, `tables.analyse`, `tables.recompute`. Invariant: the same file gives the
same `data`, row for row and type for type, in every process; whoever reopens it can check a number.
"""
