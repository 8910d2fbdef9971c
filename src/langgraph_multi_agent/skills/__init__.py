"""Offline skills: pure functions from files to findings and passages, run in child processes.

Agents use them with and without a model. Heavy libraries (duckdb, matplotlib, numpy, jieba, …)
are imported only here, and only inside a child.
"""
