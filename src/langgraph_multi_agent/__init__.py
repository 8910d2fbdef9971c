"""LangGraph Multi-Agent: durable multi-agent tasks, self-hosted.

A task is a durable LangGraph thread; everything else is a view on it or a hand on it.
"""

__version__ = "0.1.0"
