"""Values of the engine as JSON, the same way for findings and for their recomputation.

Callers: everything that takes a row out of `data`. Invariant: dates become ISO text, numbers int
or finite float, the rest text; NaN and infinity become None.
"""

import datetime as dt
import math
from decimal import Decimal
from typing import Any


def json_value(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dt.datetime() if value.time() == dt.time():
            return value.date().isoformat()
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case list() | tuple():
            return [json_value(item) for item in value]
        case dict():
            return {str(key): json_value(item) for key, item in value.items()}
        case _:
            return str(value)
