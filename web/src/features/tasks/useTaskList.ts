/** The list of the page: one loader for each set of filters, fed by the connection. */
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { api, take } from '@/api/client';
import type { Delivery } from '@/connection/connection';
import { useAllTasks } from '@/connection/hooks';
import type { TaskList } from './list';
import { TaskLoader, type Shown } from './loader';
import type { TaskRow } from './row';
import { keyOf, type TasksSearch } from './search';
import { sourceOf } from './source';

/** Steps are counted anew this long after the last of a flurry of events. */
const STEPS_REST_MS = 800;

const LIST_KEY = 'tasks-list';

export interface Loaded extends Shown {
  readonly loader: TaskLoader;
}

export function useTaskList(search: TasksSearch): Loaded {
  const queries = useQueryClient();
  const key = keyOf(search);
  // `key` stands for `search`: the router makes a new object for the same filters.
  const held = useRef(search);
  held.current = search;
  const loader = useMemo(() => {
    const { current } = held;
    return new TaskLoader(current, () => sourceOf(current, new Date()), queries.getQueryData<TaskList>([LIST_KEY, key]) ?? null);
  }, [key, queries]);
  const shown = useSyncExternalStore(
    useMemo(() => (listener: () => void) => loader.subscribe(listener), [loader]),
    () => loader.shown,
  );

  useEffect(() => {
    loader.start();
    return () => {
      loader.stop();
      // Coming back, the list stands at once and at its old place; what changed is loaded over it.
      if (!loader.shown.isFirst) queries.setQueryData([LIST_KEY, key], loader.shown.list);
    };
  }, [loader, key, queries]);

  const stepped = useRef(new Set<string>());
  const counting = useRef<ReturnType<typeof setTimeout> | null>(null);
  useAllTasks({
    onEvent: (delivery: Delivery) => {
      loader.hear(delivery);
      if (!/^(plan|subtask|task)\./.test(delivery.event.type)) return;
      stepped.current.add(delivery.taskId);
      counting.current ??= setTimeout(() => {
        counting.current = null;
        for (const id of stepped.current) void queries.invalidateQueries({ queryKey: [STEPS_KEY, id] });
        stepped.current.clear();
      }, STEPS_REST_MS);
    },
    onGap: () => loader.reload(),
  });
  useEffect(
    () => () => {
      if (counting.current !== null) clearTimeout(counting.current);
      counting.current = null;
    },
    [],
  );
  return { ...shown, loader };
}

const STEPS_KEY = 'task-steps';

export interface Steps {
  readonly done: number;
  readonly all: number;
}

function stepsQuery(taskId: string) {
  return queryOptions({
    queryKey: [STEPS_KEY, taskId],
    queryFn: async ({ signal }): Promise<Steps> => {
      const plan = await take(api.GET('/api/v1/tasks/{task_id}/plan', { params: { path: { task_id: taskId } }, signal }));
      return { done: plan.subtasks.filter((one) => one.status === 'completed').length, all: plan.subtasks.length };
    },
    staleTime: Infinity,
  });
}

/** How many subtasks are done, of a task at work; null while it is not known or there is no plan. */
export function useSteps(row: TaskRow): Steps | null {
  const isAtWork = row.startedAt !== null && (row.status === 'running' || row.status === 'waiting_input' || row.status === 'paused');
  const steps = useQuery({ ...stepsQuery(row.id), enabled: isAtWork }).data;
  return isAtWork && steps !== undefined && steps.all > 0 ? steps : null;
}
