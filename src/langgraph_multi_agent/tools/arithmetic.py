"""Tool `calculate`: exact decimal arithmetic, so that no agent does sums in its head.

Invariant: pure, bounded in time and memory whatever the expression.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, localcontext
from typing import Any

from langgraph_multi_agent.domain.errors import InvalidRequest
from langgraph_multi_agent.tools.contract import Effect

MAX_EXPRESSION_CHARACTERS = 500
MAX_EXPONENT = 1000
SIGNIFICANT_DIGITS = 34

_BINARY: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: Mapping[type[ast.unaryop], Callable[[Decimal], Decimal]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


class Calculate:
    """`{"expression": "(3.5 + 1) * 2"}` → `{"value": "9.0"}`; 34 significant decimal digits."""

    name = "calculate"
    titles: Mapping[str, str] = {"zh": "计算", "en": "Calculate"}
    description = "Evaluate an arithmetic expression of numbers, + - * / % ** and parentheses, exactly."
    effect: Effect = "pure"
    parameters: Mapping[str, Any] = {
        "type": "object",
        "properties": {"expression": {"type": "string", "maxLength": MAX_EXPRESSION_CHARACTERS}},
        "required": ["expression"],
        "additionalProperties": False,
    }

    async def call(self, arguments: Mapping[str, Any], *, key: str) -> Mapping[str, str]:
        expression = arguments.get("expression")
        if not isinstance(expression, str) or not 0 < len(expression) <= MAX_EXPRESSION_CHARACTERS:
            raise InvalidRequest(field="expression", reason="length")
        try:
            tree = ast.parse(expression.strip(), mode="eval").body
            with localcontext(Context(prec=SIGNIFICANT_DIGITS)):
                value = _evaluated(tree, expression.strip())
        except (SyntaxError, DecimalException, RecursionError, ZeroDivisionError) as error:
            raise InvalidRequest(field="expression", reason=type(error).__name__) from error
        return {"value": str(value)}


def _evaluated(node: ast.expr, source: str) -> Decimal:
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            # The source text, not the float, keeps 0.1 exact.
            return Decimal((ast.get_source_segment(source, node) or "").replace("_", ""))
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_evaluated(operand, source))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            a, b = _evaluated(left, source), _evaluated(right, source)
            if isinstance(sign, ast.Pow) and abs(b) > MAX_EXPONENT:
                raise InvalidRequest(field="expression", reason="exponent")
            return _BINARY[type(sign)](a, b)
    raise InvalidRequest(field="expression", reason=type(node).__name__)
