/** What the task page asks of the API beside the log. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect } from 'react';
import { api, take, type Schemas } from '@/api/client';
import { apiConfig } from '@/api/config';
import type { TaskView } from '@/events/view';
import { known } from '@/i18n/words';
import { usePreferences } from '@/preferences/store';
import { words } from './words';

export type TaskDetail = Schemas['TaskModel'];
export type Artifact = Schemas['ArtifactModel'];

/** The task itself; asked again when its status or the end of a subtask says that figures have moved. */
export function useTaskDetail(taskId: string, view: TaskView) {
  const queries = useQueryClient();
  const { language } = usePreferences();
  const ended = view.subtasks.filter((one) => one.endedAt !== null).length;
  const mark = `${view.status}:${ended}:${view.runs.length}`;
  useEffect(() => {
    void queries.invalidateQueries({ queryKey: ['task', taskId], exact: false, refetchType: 'active' });
  }, [queries, taskId, mark]);
  return useQuery({
    queryKey: ['task', taskId, 'detail', language],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}', { params: { path: { task_id: taskId } }, signal })),
    placeholderData: (before) => before,
  });
}

export function useArtifacts(taskId: string, view: TaskView) {
  return useQuery({
    queryKey: ['task', taskId, 'artifacts', view.artifacts.length],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}/artifacts', { params: { path: { task_id: taskId } }, signal })),
    placeholderData: (before) => before,
    select: (answer) => answer.artifacts,
  });
}

export function usePlan(taskId: string, revision: number | undefined) {
  const { language } = usePreferences();
  return useQuery({
    queryKey: ['task', taskId, 'plan', revision, language],
    queryFn: ({ signal }) =>
      take(
        api.GET('/api/v1/tasks/{task_id}/plan', {
          params: { path: { task_id: taskId }, query: revision === undefined ? {} : { revision } },
          signal,
        }),
      ),
    enabled: revision !== undefined,
    staleTime: 60_000,
  });
}

export function useQuestions(taskId: string, view: TaskView) {
  return useQuery({
    queryKey: ['task', taskId, 'questions', view.seq],
    queryFn: ({ signal }) => take(api.GET('/api/v1/tasks/{task_id}/questions', { params: { path: { task_id: taskId } }, signal })),
    enabled: view.status === 'waiting_input' || view.status === 'paused',
    placeholderData: (before) => before,
    select: (answer) => answer.questions,
  });
}

/** Names of agents as people read them, in the language of now. */
export function useAgentNames(team: string): (agent: string | null) => string {
  const { language } = usePreferences();
  const teams = useQuery({
    queryKey: ['teams'],
    queryFn: ({ signal }) => take(api.GET('/api/v1/teams', { signal })),
    staleTime: 5 * 60_000,
  });
  const agents = teams.data?.teams.find((one) => one.name === team)?.agents;
  return useCallback(
    (agent: string | null) => {
      if (agent === null || agent === '') return known(words, 'who.system', 'system');
      const titles: Readonly<Record<string, string>> | undefined = agents?.find((one) => one.name === agent)?.titles;
      return titles?.[language] ?? known(words, `who.${agent}`, agent);
    },
    [agents, language],
  );
}

/** The whole address of a path that the API gave. */
export function addressOf(path: string): string {
  return apiConfig().root + path;
}
