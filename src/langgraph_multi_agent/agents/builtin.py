"""The built-in team, registered as `default` through the same door as everybody's.

Called by the registry. Invariant: `VERSION` changes when results of the same request could.
"""

from langgraph_multi_agent.agents.contract import Agent, Team
from langgraph_multi_agent.agents.data_analyst import DataAnalyst
from langgraph_multi_agent.agents.generalist import Generalist
from langgraph_multi_agent.agents.meta_agent import RequestMetaAgent
from langgraph_multi_agent.agents.quality_check import VerdictQualityCheck
from langgraph_multi_agent.agents.researcher import Researcher
from langgraph_multi_agent.agents.reviewer import ReportReviewer
from langgraph_multi_agent.agents.task_decomposer import ProposalDecomposer
from langgraph_multi_agent.agents.writer import ReportWriter
from langgraph_multi_agent.domain.task import DEFAULT_TEAM
from langgraph_multi_agent.i18n import LANGUAGES, text

VERSION = "1"


def team(*, max_subtasks: int = 64, max_depth: int = 16) -> Team:
    """The built-in team.

    Args:
        max_subtasks, max_depth: limits that its plans keep to.
    """
    members: tuple[Agent, ...] = (
        DataAnalyst(),
        Researcher(),
        Generalist(),
        ReportWriter(),
        ReportReviewer(),
    )
    return Team(
        name=DEFAULT_TEAM,
        version=VERSION,
        titles={language: text("team.title", language) for language in LANGUAGES},
        meta_agent=RequestMetaAgent(),
        task_decomposer=ProposalDecomposer(max_subtasks=max_subtasks, max_depth=max_depth),
        quality_check=VerdictQualityCheck(),
        agents={member.name: member for member in members},
    )
