"""One canonical form for values that are hashed or compared.

Callers: journal (input hashes), idempotency (body hashes), artifacts (digests), tests
(equality of findings). Invariant: equal values have equal bytes, whatever their key order.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

SIGNIFICANT_DIGITS = 12
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical_json(value: Any) -> bytes:
    """Serialise to UTF-8 JSON with sorted keys and no white space.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot carry.
    """
    return _ENCODER.encode(value).encode()


def fields_of(value: Any) -> dict[str, Any]:
    """A slotted dataclass as a dict, one level deep and without copying: quick, for values that are frozen."""
    return {name: getattr(value, name) for name in value.__slots__}


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def canonical_number(value: float) -> float | int | str:
    """Round to 12 significant digits; non-finite numbers become their name."""
    if isinstance(value, int):
        return value
    if not math.isfinite(value):
        return repr(value)
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 2**53 else rounded


def canonical_value(value: Any) -> Any:
    """The value with every float rounded, mappings and sequences walked through."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return canonical_number(value)
    if isinstance(value, Mapping):
        return {str(key): canonical_value(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [canonical_value(item) for item in value]
    raise TypeError(f"no canonical form for {type(value).__name__}")
