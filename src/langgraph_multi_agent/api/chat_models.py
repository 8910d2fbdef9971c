"""The shapes of what people send to the conversation, as feedback, and as their settings; read like `models`.

Fields that are not known are left out where the contract's front ends may send more than it names.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from langgraph_multi_agent.api.models import WHOLE, Text
from langgraph_multi_agent.service.chat import MAX_CONTENT_CHARS
from langgraph_multi_agent.service.feedback import MAX_MESSAGE_CHARS, FeedbackType
from langgraph_multi_agent.service.preferences import CURRENCY

CHAT: dict[str, Any] = {"content": "哪些任务失败了？", "type": "user"}
FEEDBACK: dict[str, Any] = {
    "type": "bug_report",
    "rating": 4,
    "message": "任务页在手机上要横向滚动。",
    "context": {"page": "/tasks"},
}

LanguageName = Literal["zh", "en"]
Theme = Literal["system", "light", "dark"]
Density = Literal["comfortable", "compact"]
Currency = Annotated[str, Field(pattern=f"^{CURRENCY.pattern}$", description="ISO 4217.")]


def _none_as_empty(value: Any) -> Any:
    return {} if value is None else value


class ChatRequest(BaseModel):
    """What a person says."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [CHAT]})

    content: Annotated[Text, StringConstraints(max_length=MAX_CONTENT_CHARS)]
    type: Literal["user"] = "user"


class FeedbackRequest(BaseModel):
    """What somebody says about the product."""

    model_config = ConfigDict(extra="ignore", json_schema_extra={"examples": [FEEDBACK]})

    type: FeedbackType = FeedbackType.GENERAL
    rating: Annotated[int, Field(ge=1, le=5, strict=True), WHOLE] | None = None
    message: Annotated[Text, StringConstraints(max_length=MAX_MESSAGE_CHARS)]
    context: Annotated[
        dict[str, Any], BeforeValidator(_none_as_empty, json_schema_input_type=dict[str, Any] | None)
    ] = Field(default_factory=dict)


class SettingsRequest(BaseModel):
    """The settings to change; those that are absent stay, null sets one back to its default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"theme": "dark"}]})

    language: LanguageName | None = None
    theme: Theme | None = None
    density: Density | None = None
    currency: Currency | None = None


REQUESTS: tuple[type[BaseModel], ...] = (ChatRequest, FeedbackRequest, SettingsRequest)
