/** A task's view, live: the log so far over REST, the rest over the WebSocket, folded in batches. */
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useState } from 'react';
import { api, take } from '@/api/client';
import { ApiProblem, asProblem } from '@/api/problem';
import { useConnection } from '@/connection/hooks';
import type { Data } from './event';
import { asEvent, isData, list, type TaskEvent } from './event';
import { fold, missingPlan, nodeOf, withPlan } from './fold';
import { viewOfTask } from './snapshot';
import { EMPTY_VIEW, type TaskView } from './view';

const PAGE = 500;

export interface LiveTask {
  readonly view: TaskView;
  /** The adapter's task object beside the newest live event; null until one came. */
  readonly task: Data | null;
  readonly isLoading: boolean;
  readonly problem: ApiProblem | null;
  /** Load the whole log anew. */
  readonly reload: () => void;
}

async function* logOf(taskId: string, signal: AbortSignal): AsyncGenerator<TaskEvent[]> {
  for (let after = 0; ; ) {
    const page = await take(
      api.GET('/api/v1/tasks/{task_id}/events', { params: { path: { task_id: taskId }, query: { after, limit: PAGE } }, signal }),
    );
    const events = page.events.map(asEvent).filter((event) => event !== null);
    yield events;
    if (page.events.length < PAGE) return;
    after = page.next;
  }
}

/** The newest state of a task, from its log. Two tabs, a reload and a reconnect come to the same. */
export function useTaskView(taskId: string): LiveTask {
  const connection = useConnection();
  const queries = useQueryClient();
  const [round, setRound] = useState(0);
  const [shown, setShown] = useState<Omit<LiveTask, 'reload'>>({ view: EMPTY_VIEW, task: null, isLoading: true, problem: null });
  const reload = useCallback(() => setRound((before) => before + 1), []);

  useEffect(() => {
    const abort = new AbortController();
    let view = EMPTY_VIEW;
    let task: Data | null = null;
    let waiting: TaskEvent[] = [];
    let frame: number | null = null;
    let unfollow: (() => void) | null = null;
    let asked = 0;

    const show = (isLoading: boolean) => setShown({ view, task, isLoading, problem: null });
    const flush = () => {
      frame = null;
      view = fold(view, waiting);
      waiting = [];
      show(false);
      void completePlan();
    };
    const completePlan = async () => {
      const revision = missingPlan(view);
      if (revision === null || revision === asked) return;
      asked = revision;
      try {
        const plan: unknown = await take(
          api.GET('/api/v1/tasks/{task_id}/plan', { params: { path: { task_id: taskId }, query: { revision } }, signal: abort.signal }),
        );
        view = withPlan(view, revision, isData(plan) ? list(plan['subtasks']).map(nodeOf) : []);
        show(false);
      } catch {
        // The timeline says that there is a plan; the next event asks again.
        asked = 0;
      }
    };
    const follow = () => {
      unfollow = connection.followTask(taskId, view.seq, {
        onEvent: (delivery) => {
          waiting.push(delivery.event);
          task = delivery.task;
          // A hidden tab draws no frames: a timer comes all the same.
          frame ??= window.setTimeout(flush, 16);
          if (delivery.type !== 'task_update') void queries.invalidateQueries({ queryKey: ['task', taskId] });
        },
        onRefused: () => reload(),
      });
    };
    const load = async () => {
      setShown((before) => ({ ...before, isLoading: true, problem: null }));
      try {
        try {
          for await (const events of logOf(taskId, abort.signal)) view = fold(view, events);
        } catch (error) {
          if (!(error instanceof ApiProblem) || error.code !== 'EVENTS_GONE') throw error;
          const path = { task_id: taskId };
          view = viewOfTask(await take(api.GET('/api/v1/tasks/{task_id}', { params: { path }, signal: abort.signal })));
        }
        if (abort.signal.aborted) return;
        show(false);
        follow();
        void completePlan();
      } catch (error) {
        if (!abort.signal.aborted) setShown({ view, task, isLoading: false, problem: asProblem(error) });
      }
    };
    void load();
    return () => {
      abort.abort();
      if (frame !== null) clearTimeout(frame);
      unfollow?.();
    };
  }, [connection, queries, taskId, round, reload]);

  return { ...shown, reload };
}
