"""What `make bench` compares is the same on both sides; a bench itself runs only by hand."""

from bench.bare import COLUMNS

from langgraph_multi_agent.api.models import TaskModel


def test_the_bare_route_gives_the_fields_of_ours() -> None:
    theirs = {column.rpartition(" AS ")[2].strip() for column in COLUMNS.split(",")}
    assert theirs == set(TaskModel.model_fields)
