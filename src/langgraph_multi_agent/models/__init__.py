"""Language models behind one door, the port `domain.ports.Model`.

Hides LangChain, the providers' SDKs, and everything that goes wrong on the wire. `bootstrap`
makes one `Gateway` for a process when a model is configured. Invariant: every call on the wire is
reserved in the task's budget before it and settled after it, and all of an answer's retries,
repairs and fallbacks happen inside one deadline.
"""

from langgraph_multi_agent.models.gateway import Gateway

__all__ = ["Gateway"]
