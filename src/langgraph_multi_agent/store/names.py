"""The different names in a column of a large table.

Hides the walk from name to name in an index, whose price is by the number of names, not of rows, and which
no planner of either dialect takes by itself. Callers: `lists`, `quotas`. Invariant: the column follows the
tenant in an index, or is the tenant of one, and the rows are those of the scope.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Table, func, literal_column, select

from langgraph_multi_agent.store.database import Store
from langgraph_multi_agent.store.rows import scoped


def names_in(store: Store, table: Table, column: str, *, most: int | None = None) -> Select[Any]:
    """A query for each `name`, in order, with its `place` from 1.

    Args:
        most: so many are looked for, and one more, whose place tells that there are others; None for all.
    """
    name, one = table.c[column], literal_column("1", Integer)
    smallest = scoped(store, select(func.min(name)), table)
    first = select(smallest.where(name.is_not(None)).scalar_subquery().label("name"), one.label("place"))
    names = first.cte(f"{table.name}_{column}", recursive=True)
    following = smallest.where(name > names.c.name).correlate(names).scalar_subquery()
    goes_on: ColumnElement[bool] = names.c.name.is_not(None)
    if most is not None:
        goes_on &= names.c.place <= most
    names = names.union_all(select(following, names.c.place + one).where(goes_on))
    return select(names.c.name, names.c.place).where(names.c.name.is_not(None))
