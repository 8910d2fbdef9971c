/** All agents, live: the list over REST, then what the socket says. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Bot } from 'lucide-react';
import { useEffect, useRef, type ReactNode } from 'react';
import { useMay } from '@/api/access';
import { api, take } from '@/api/client';
import { useAgentStatus, useConnectionStatus } from '@/connection/hooks';
import { NotAllowed } from '@/features/access/NotAllowed';
import { dashboardQuery } from '@/features/analytics/query';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { EmptyState, ErrorNote, PageHead, Skeleton } from '@/parts';
import { usePreferences } from '@/preferences/store';
import { AgentCard } from './AgentCard';
import { agentOf, byTeam, joined, keyOf, withAgent, type Agent } from './agents';
import { words } from './words';

const LIST = ['agents', 'list'] as const;

function useAgents() {
  const queries = useQueryClient();
  const { state } = useConnectionStatus();
  const found = useQuery({
    queryKey: LIST,
    queryFn: async ({ signal }) => joined((await take(api.GET('/api/v1/system/agents/status', { signal }))).agents.map(agentOf)),
  });
  const change = (agent: Agent) =>
    queries.setQueryData<readonly Agent[]>(LIST, (before) => (before === undefined ? before : withAgent(before, agent)));
  useAgentStatus({
    onSnapshot: (agents) => queries.setQueryData<readonly Agent[]>(LIST, joined(agents.map(agentOf))),
    onAgent: (agent) => change(agentOf(agent)),
  });
  // The stream of agents has no replay: after a loss the list is asked for.
  const wasOnline = useRef(state === 'online');
  useEffect(() => {
    if (state === 'online' && !wasOnline.current) void queries.invalidateQueries({ queryKey: LIST });
    wasOnline.current = state === 'online';
  }, [state, queries]);
  return { found, change };
}

export function AgentsPage() {
  const say = useWords(words);
  const { language } = usePreferences();
  useTitle(say('title'));
  const { found, change } = useAgents();
  const dashboard = useQuery(dashboardQuery(language));
  const teams = useQuery({
    queryKey: ['teams'],
    queryFn: ({ signal }) => take(api.GET('/api/v1/teams', { signal })),
    staleTime: Infinity,
    select: ({ teams }) => new Map(teams.map((team) => [team.name, team.titles])),
  });
  const canReset = useMay()('system:operate');
  const agents = found.data ?? [];
  const medianOf = (name: string) => dashboard.data?.agent_data.find((one) => one.agent === name)?.median_s;
  return (
    <>
      <PageHead
        title={say('title')}
        lead={say('lead')}
        actions={
          agents.length > 0 && (
            <span role="status" className="text-sm text-muted">
              {say('count.busy', { busy: agents.filter((one) => one.isBusy).length, total: agents.length })}
            </span>
          )
        }
      />
      {!canReset && <NotAllowed permission="system:operate" className="mb-4" />}
      {found.isPending && (
        <Cards>
          {Array.from({ length: 6 }, (_, index) => (
            <div key={index} className="card p-4">
              <Skeleton className="h-5 w-32" />
              <Skeleton className="mt-2 h-3.5 w-20" />
              <Skeleton className="mt-6 h-10" />
              <Skeleton className="mt-6 h-16" />
            </div>
          ))}
        </Cards>
      )}
      {found.error && <ErrorNote error={found.error} onRetry={() => void found.refetch()} className="mb-4" />}
      {found.data?.length === 0 && (
        <EmptyState icon={<Bot size={22} aria-hidden />} title={say('empty.title')}>
          {say('empty.text')}
        </EmptyState>
      )}
      {byTeam(agents).map((team, _, all) => (
        <section key={team.name} aria-label={teams.data?.get(team.name)?.[language] ?? team.name} className="mb-8">
          {all.length > 1 && (
            <h2 className="mb-3 flex items-baseline gap-2 text-sm font-semibold text-muted">
              {teams.data?.get(team.name)?.[language] ?? team.name}
              <code className="font-normal">{team.name}</code>
            </h2>
          )}
          <Cards>
            {team.agents.map((agent) => (
              <AgentCard key={keyOf(agent)} agent={agent} median={medianOf(agent.name)} windowDays={dashboard.data?.window_days} onReset={change} />
            ))}
          </Cards>
        </section>
      ))}
    </>
  );
}

function Cards({ children }: { readonly children: ReactNode }) {
  return <div className="grid grid-cols-[repeat(auto-fill,minmax(min(100%,280px),1fr))] gap-4">{children}</div>;
}
