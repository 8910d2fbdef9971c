/** Agents as the page shows them: what REST and the socket say of them, read with care and put together. */
import { isData, list, number, text, type Data } from '@/events/event';

export interface CurrentWork {
  readonly taskId: string;
  readonly subtaskId: string;
  readonly since: string;
}

export interface Agent {
  readonly name: string;
  readonly team: string;
  readonly titles: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly isBusy: boolean;
  readonly current: readonly CurrentWork[];
  readonly completed: number;
  readonly failed: number;
  /** 0 to 1; null before its first subtask. */
  readonly successRate: number | null;
  readonly lastActivity: string | null;
  readonly lastReset: string | null;
}

export function agentOf(raw: Data): Agent {
  const titles = isData(raw['titles']) ? raw['titles'] : {};
  return {
    name: text(raw['name']),
    team: text(raw['team']),
    titles: Object.fromEntries(Object.entries(titles).map(([language, title]) => [language, text(title)])),
    capabilities: Array.isArray(raw['capabilities']) ? raw['capabilities'].map(text) : [],
    isBusy: raw['state'] === 'busy',
    current: list(raw['current']).map((work) => ({
      taskId: text(work['task_id']),
      subtaskId: text(work['subtask_id']),
      since: text(work['since']),
    })),
    completed: number(raw['completed']) ?? 0,
    failed: number(raw['failed']) ?? 0,
    successRate: number(raw['success_rate']),
    lastActivity: text(raw['last_activity']) || null,
    lastReset: text(raw['last_reset']) || null,
  };
}

export function keyOf(agent: Agent): string {
  return `${agent.team}/${agent.name}`;
}

/** One agent may have two places in a team; it is one card with the capabilities of both. */
export function joined(agents: readonly Agent[]): Agent[] {
  const byKey = new Map<string, Agent>();
  for (const agent of agents) {
    const known = byKey.get(keyOf(agent));
    const capabilities = [...new Set([...(known?.capabilities ?? []), ...agent.capabilities])];
    byKey.set(keyOf(agent), { ...agent, capabilities });
  }
  return [...byKey.values()];
}

/** The list with what came of one agent; what it can do is known from the list. */
export function withAgent(agents: readonly Agent[], changed: Agent): readonly Agent[] {
  return agents.map((agent) => (keyOf(agent) === keyOf(changed) ? { ...changed, capabilities: agent.capabilities } : agent));
}

export function titleOf(agent: Agent, language: string): string {
  return agent.titles[language] || agent.titles['zh'] || agent.name;
}

export interface AgentTeam {
  readonly name: string;
  readonly agents: readonly Agent[];
}

/** Agents by team, in the server's order. */
export function byTeam(agents: readonly Agent[]): AgentTeam[] {
  const teams = new Map<string, Agent[]>();
  for (const agent of agents) {
    const members = teams.get(agent.team) ?? [];
    members.push(agent);
    teams.set(agent.team, members);
  }
  return [...teams].map(([name, members]) => ({ name, agents: members }));
}
