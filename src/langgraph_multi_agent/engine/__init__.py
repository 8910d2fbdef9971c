"""The engine: one task's graph, its DAG of subtasks, and the journal discipline.

Control flow depends on the task's input and the journal only. The engine knows ports and teams,
no adapter.
"""
