"""The conversation with the MetaAgent.

Hides who answers: questions on the state of things come from the services (`status`), the rest from the
model if there is one (`model`), else from fixed rules (`intents`, `passages`). Callers: the API,
`service.transfer`. Invariant: see `conversation`.
"""

from langgraph_multi_agent.service.chat.conversation import (
    MAX_CONTENT_CHARS,
    MAX_PAGE,
    ChatService,
    HistoryPage,
)
from langgraph_multi_agent.service.chat.messages import message_json

__all__ = ["MAX_CONTENT_CHARS", "MAX_PAGE", "ChatService", "HistoryPage", "message_json"]
