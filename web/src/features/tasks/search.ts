/** The address of the list is its filters: they survive reload, back and a copied link. */
import { STATUSES, type Status } from '@/events/status';
import { priorityOf } from '@/parts/PriorityMark';
import type { TaskRow } from './row';

export const WHENS = ['today', 'week', 'month'] as const;
export type When = (typeof WHENS)[number];

export interface TasksSearch {
  readonly q?: string;
  /** One or more of the seven, joined by commas, in their own order. */
  readonly status?: string;
  readonly priority?: number;
  /** A part of the name. */
  readonly assignee?: string;
  readonly team?: string;
  readonly when?: When;
}

export function statusesOf(search: TasksSearch): readonly Status[] {
  const named = (search.status ?? '').split(',');
  return STATUSES.filter((one) => named.includes(one));
}

/** undefined where none is chosen, or all are. */
export function joinStatuses(statuses: readonly Status[]): string | undefined {
  const chosen = STATUSES.filter((one) => statuses.includes(one));
  return chosen.length === 0 || chosen.length === STATUSES.length ? undefined : chosen.join(',');
}

export function parseTasksSearch(raw: Record<string, unknown>): TasksSearch {
  // The router reads a search for 42 as a number.
  const text = (name: string) => {
    const value = raw[name];
    const found = typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
    return found === '' ? undefined : found.slice(0, 200);
  };
  const q = text('q');
  const status = joinStatuses(statusesOf({ status: text('status') ?? '' }));
  const priority = [1, 2, 3, 4].find((one) => one === Number(raw['priority']));
  const assignee = text('assignee');
  const team = text('team');
  const when = WHENS.find((one) => one === raw['when']);
  return {
    ...(q === undefined ? {} : { q }),
    ...(status === undefined ? {} : { status }),
    ...(priority === undefined ? {} : { priority }),
    ...(assignee === undefined ? {} : { assignee }),
    ...(team === undefined ? {} : { team }),
    ...(when === undefined ? {} : { when }),
  };
}

/** A search with changes; what is undefined falls out. */
export function changed(search: TasksSearch, changes: { readonly [K in keyof TasksSearch]?: TasksSearch[K] | undefined }): TasksSearch {
  return parseTasksSearch({ ...search, ...changes });
}

export function isFiltered(search: TasksSearch): boolean {
  return Object.keys(search).length > 0;
}

/** The same filters give the same text. */
export function keyOf(search: TasksSearch): string {
  return JSON.stringify([search.q, search.status, search.priority, search.assignee, search.team, search.when]);
}

const DAYS: Readonly<Record<When, number>> = { today: 0, week: 6, month: 29 };

/** Midnight here, of today or so many days before. */
export function startOf(when: When, now: Date): Date {
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() - DAYS[when]);
}

/** Whether a row belongs into the list; null where only the server knows. */
export function fits(row: TaskRow, search: TasksSearch, now: Date): boolean | null {
  const statuses = statusesOf(search);
  if (statuses.length > 0 && !statuses.includes(row.status)) return false;
  if (search.priority !== undefined && priorityOf(search.priority) !== row.priority) return false;
  if (search.team !== undefined && search.team !== row.team) return false;
  if (search.assignee !== undefined && !(row.assignee ?? '').toLowerCase().includes(search.assignee.toLowerCase())) return false;
  if (search.when !== undefined && Date.parse(row.createdAt) < startOf(search.when, now).getTime()) return false;
  return search.q === undefined ? true : null;
}
