/**
 * Pages of the list from the server.
 *
 * The adapter counts and jumps to any place, but knows neither teams, times nor the finer statuses apart; the core
 * knows them and goes from page to page. Each list uses the first that can say what is wanted.
 */
import { api, take, takeData } from '@/api/client';
import type { Status } from '@/events/status';
import type { Page } from './list';
import { rowOfAdapter, rowOfCore } from './row';
import { startOf, statusesOf, type TasksSearch } from './search';

export const PAGE_SIZE = 100;

/** Page by number; those before a page are asked for first where the source goes from one to the next. */
export interface Source {
  readonly isJumping: boolean;
  readonly page: (number: number, signal: AbortSignal) => Promise<Page>;
}

/** Words of the adapter that stand for more than one status. */
const GROUPS: Readonly<Record<string, readonly Status[]>> = {
  in_progress: ['running', 'waiting_input', 'paused'],
  failed: ['failed', 'cancelled'],
};

/** The adapter's words for exactly these statuses; null if there are none. */
export function adapterStatuses(statuses: readonly Status[]): readonly string[] | null {
  const words: string[] = [];
  let left = [...statuses];
  for (const [word, group] of Object.entries(GROUPS)) {
    if (!group.every((one) => left.includes(one))) continue;
    words.push(word);
    left = left.filter((one) => !group.includes(one));
  }
  if (left.includes('running') || left.includes('failed')) return null;
  return [...words, ...left];
}

function coreStatuses(statuses: readonly Status[]) {
  return statuses.map((one) => (one === 'running' ? ('in_progress' as const) : one));
}

function jumping(search: TasksSearch, words: readonly string[]): Source {
  return {
    isJumping: true,
    page: async (number, signal) => {
      const offset = number * PAGE_SIZE;
      const data = await takeData(
        api.GET('/api/v1/mvp2/tasks', {
          params: {
            query: {
              limit: PAGE_SIZE,
              offset,
              ...(words.length === 0 ? {} : { status: [...words] }),
              ...(search.priority === undefined ? {} : { priority: [String(search.priority)] }),
              ...(search.assignee === undefined ? {} : { assignee: search.assignee }),
              ...(search.q === undefined ? {} : { q: search.q }),
            },
          },
          signal,
        }),
      );
      const end = offset + data.tasks.length;
      return {
        rows: data.tasks.map((task) => rowOfAdapter({ ...task })).filter((row) => row !== null),
        total: data.total,
        isCapped: data.total_is_capped,
        hasMore: data.total_is_capped ? data.tasks.length === PAGE_SIZE : end < data.total,
      };
    },
  };
}

function walking(search: TasksSearch, now: Date): Source {
  const cursors: (string | null)[] = [null];
  return {
    isJumping: false,
    page: async (number, signal) => {
      const cursor = cursors[number] ?? null;
      const statuses = coreStatuses(statusesOf(search));
      const answer = await take(
        api.GET('/api/v1/tasks', {
          params: {
            query: {
              limit: PAGE_SIZE,
              ...(cursor === null ? {} : { cursor }),
              ...(statuses.length === 0 ? {} : { status: statuses }),
              ...(search.priority === undefined ? {} : { priority: [search.priority] }),
              ...(search.assignee === undefined ? {} : { assignee: search.assignee }),
              ...(search.team === undefined ? {} : { team: search.team }),
              ...(search.q === undefined ? {} : { q: search.q }),
              ...(search.when === undefined ? {} : { created_after: startOf(search.when, now).toISOString() }),
            },
          },
          signal,
        }),
      );
      cursors[number + 1] = answer.next;
      return {
        rows: answer.tasks.map(rowOfCore),
        total: answer.next === null ? number * PAGE_SIZE + answer.tasks.length : null,
        isCapped: false,
        hasMore: answer.next !== null,
      };
    },
  };
}

export function sourceOf(search: TasksSearch, now: Date): Source {
  const words = adapterStatuses(statusesOf(search));
  return words === null || search.team !== undefined || search.when !== undefined ? walking(search, now) : jumping(search, words);
}
