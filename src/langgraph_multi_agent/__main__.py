"""`python -m langgraph_multi_agent` is `lgma`."""

from langgraph_multi_agent.cli import main

main()
