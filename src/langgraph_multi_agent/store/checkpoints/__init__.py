"""LangGraph's checkpoints on the tables `checkpoints` and `writes`, the same on both dialects.

Serves inspection, forks and the resuming of graphs that users bring; the built-in team's truth is
the journal. The engine writes with `RunSaver`, readers use `open_history`, housekeeping calls
`prune`. Invariant: every row was written under its task's fence.
"""

from langgraph_multi_agent.store.checkpoints.pruning import Pruned, prune
from langgraph_multi_agent.store.checkpoints.savers import HistorySaver, RunSaver, open_history

__all__ = ["HistorySaver", "Pruned", "RunSaver", "open_history", "prune"]
