"""Tool `date_difference`: calendar arithmetic on ISO dates. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.tools.contract import Effect


class DateDifference:
    """`{"start", "end"}` as ISO dates → `{"days", "weeks", "weekdays"}`, negative if end is earlier.

    `weekdays` counts Monday to Friday in the half-open span from start to end.
    """

    name = "date_difference"
    titles: Mapping[str, str] = {"zh": "日期间隔", "en": "Date difference"}
    description = "Days, whole weeks and weekdays (Mon-Fri) between two ISO dates, start included, end not."
    effect: Effect = "pure"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {
            "start": {"type": "string", "format": "date"},
            "end": {"type": "string", "format": "date"},
        },
        "required": ["start", "end"],
        "additionalProperties": False,
    }

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Mapping[str, int]:
        start, end = (_date(arguments, field) for field in ("start", "end"))
        sign = 1 if end >= start else -1
        first, last = sorted((start.toordinal(), end.toordinal()))
        days = last - first
        weeks, rest = divmod(days, 7)
        # Ordinal 1 is a Monday, so (ordinal + 6) % 7 is date.weekday().
        weekdays = 5 * weeks + sum((first + offset + 6) % 7 < 5 for offset in range(rest))
        return {"days": sign * days, "weeks": sign * weeks, "weekdays": sign * weekdays}


def _date(arguments: Mapping[str, Any], field: str) -> date:
    try:
        return date.fromisoformat(arguments[field])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest(field=field, reason="iso_date") from error
