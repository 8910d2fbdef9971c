/**
 * The list as far as it is known: a long row of places, some with a task. Pure.
 *
 * Invariants: no task stands at two places; of two tellings of a task the newer one holds; newest tasks come first.
 */
import type { Delivery } from '@/connection/connection';
import { rowOfAdapter, type TaskRow } from './row';

export interface TaskList {
  /** One place for each task that is known to be there; undefined: not loaded yet. */
  readonly ids: readonly (string | undefined)[];
  readonly rows: ReadonlyMap<string, TaskRow>;
  /** As the server counts; null where it does not. */
  readonly total: number | null;
  readonly isCapped: boolean;
  /** There are more than there are places. */
  readonly hasMore: boolean;
}

export interface Page {
  readonly rows: readonly TaskRow[];
  readonly total: number | null;
  readonly isCapped: boolean;
  /** Whether anything follows this page. */
  readonly hasMore: boolean;
}

export const EMPTY_LIST: TaskList = { ids: [], rows: new Map(), total: null, isCapped: false, hasMore: false };

function newer(known: TaskRow | undefined, told: TaskRow): TaskRow {
  return known && known.seq > told.seq ? known : told;
}

/** Put a page at its place. */
export function withPage(list: TaskList, offset: number, page: Page): TaskList {
  const end = offset + page.rows.length;
  const isExact = page.total !== null && !page.isCapped;
  const length = isExact ? Math.max(page.total ?? 0, end) : page.hasMore ? Math.max(end, list.ids.length, page.total ?? 0) : end;
  const fresh = new Set(page.rows.map((row) => row.id));
  const ids: (string | undefined)[] = Array.from({ length }, (_, at) => {
    const id = list.ids[at];
    return id !== undefined && fresh.has(id) ? undefined : id;
  });
  const rows = new Map(list.rows);
  page.rows.forEach((row, at) => {
    ids[offset + at] = row.id;
    rows.set(row.id, newer(rows.get(row.id), row));
  });
  return { ids, rows, total: page.total, isCapped: page.isCapped, hasMore: page.hasMore && end >= length };
}

export interface Heard {
  readonly list: TaskList;
  /** A task came or went where this list cannot tell: ask the server. */
  readonly isStale: boolean;
}

/** The adapter counts exactly up to here. */
const MAX_COUNTED = 10_000;

function counted(list: TaskList, by: number): Pick<TaskList, 'total' | 'isCapped'> {
  const { total, isCapped } = list;
  if (total === null || isCapped) return { total, isCapped };
  return { total: Math.min(MAX_COUNTED, Math.max(0, total + by)), isCapped: total + by > MAX_COUNTED };
}

function without(list: TaskList, id: string): TaskList {
  const at = list.ids.indexOf(id);
  const rows = new Map(list.rows);
  rows.delete(id);
  return { ...list, rows, ids: at < 0 ? list.ids : list.ids.toSpliced(at, 1), ...counted(list, -1) };
}

/** Where a task belongs, newest first; null if that is among places that are not loaded. */
function placeOf(list: TaskList, row: TaskRow): number | null {
  if (list.ids.length === 0) return list.hasMore ? null : 0;
  for (let at = 0; at < list.ids.length; at += 1) {
    const id = list.ids[at];
    const other = id === undefined ? undefined : list.rows.get(id);
    if (!other) return null;
    if (other.createdAt < row.createdAt || (other.createdAt === row.createdAt && other.id < row.id)) return at;
  }
  return list.hasMore ? null : list.ids.length;
}

/** What an event changes. `fits` says whether a row belongs into the list, null where only the server knows. */
export function withDelivery(list: TaskList, delivery: Delivery, fits: (row: TaskRow) => boolean | null, isFiltered: boolean): Heard {
  const { taskId, type } = delivery;
  const isKnown = list.rows.has(taskId) && list.ids.includes(taskId);
  if (type === 'task_deleted') return isKnown ? { list: without(list, taskId), isStale: false } : { list, isStale: list.ids.length > 0 };
  const row = rowOfAdapter(delivery.task);
  if (row === null) return { list, isStale: false };
  const belongs = fits(row);
  if (isKnown) {
    if (belongs === false) return { list: without(list, taskId), isStale: false };
    const known = list.rows.get(taskId);
    if (known && known.seq >= row.seq) return { list, isStale: false };
    return { list: { ...list, rows: new Map(list.rows).set(taskId, row) }, isStale: false };
  }
  if (belongs === false) return { list, isStale: isFiltered && type !== 'task_created' && list.ids.includes(undefined) };
  const isNew = type === 'task_created';
  // Without filters it has its place already, on a page that nobody looked at.
  if (belongs === null) return { list, isStale: isNew };
  if (!isNew && !isFiltered) return { list, isStale: false };
  const at = placeOf(list, row);
  if (at === null) return { list, isStale: true };
  return {
    list: { ...list, rows: new Map(list.rows).set(taskId, row), ids: list.ids.toSpliced(at, 0, taskId), ...counted(list, 1) },
    isStale: false,
  };
}

/** Whether a row comes before the one that stands first. */
function isFirst(first: string | undefined, rows: ReadonlyMap<string, TaskRow>, row: TaskRow): boolean {
  const other = first === undefined ? undefined : rows.get(first);
  return other !== undefined && (other.createdAt < row.createdAt || (other.createdAt === row.createdAt && other.id < row.id));
}

/** Several events at once: one picture for all of them, and one copy of the rows for those that stay in their places. */
export function withDeliveries(
  list: TaskList,
  deliveries: readonly Delivery[],
  fits: (row: TaskRow) => boolean | null,
  isFiltered: boolean,
): Heard {
  const placed = new Set(list.ids);
  let isStale = false;
  let rows: Map<string, TaskRow> | null = null;
  /** `list.ids` with new tasks on top of it. */
  let ids: (string | undefined)[] | null = null;
  for (const delivery of deliveries) {
    const { taskId } = delivery;
    const known = placed.has(taskId) ? (rows ?? list.rows).get(taskId) : undefined;
    const isNew = delivery.type === 'task_created' && !placed.has(taskId);
    const row = (known === undefined && !isNew) || delivery.type === 'task_deleted' ? null : rowOfAdapter(delivery.task);
    if (isNew && row !== null && isFirst((ids ?? list.ids)[0], rows ?? list.rows, row) && fits(row) === true) {
      rows ??= new Map(list.rows);
      rows.set(taskId, row);
      ids ??= [...list.ids];
      ids.unshift(taskId);
      placed.add(taskId);
      list = { ...list, ...counted(list, 1) };
      continue;
    }
    if (known !== undefined && row !== null && fits(row) !== false) {
      if (known.seq >= row.seq) continue;
      rows ??= new Map(list.rows);
      rows.set(taskId, row);
      continue;
    }
    if (rows !== null || ids !== null) list = { ...list, rows: rows ?? list.rows, ids: ids ?? list.ids };
    const next = withDelivery(list, delivery, fits, isFiltered);
    isStale ||= next.isStale;
    if (next.list.ids !== list.ids) {
      if (next.list.ids.includes(taskId)) placed.add(taskId);
      else placed.delete(taskId);
    }
    list = next.list;
    rows = ids = null;
  }
  if (rows !== null || ids !== null) list = { ...list, rows: rows ?? list.rows, ids: ids ?? list.ids };
  return { list, isStale };
}

/** What a list keeps of itself. */
export interface Bounds {
  /** Places that are looked at. */
  readonly first: number;
  readonly last: number;
  /** Places kept before and after them. */
  readonly around: number;
  /** Whether a page before those that are looked at can be asked for again. */
  readonly isJumping: boolean;
  /** Tasks that stay, wherever they stand. */
  readonly pinned: ReadonlySet<string>;
}

/** The list without rows far from what is looked at: their places stay and are loaded again when they are looked at. */
export function bounded(list: TaskList, { first, last, around, isJumping, pinned }: Bounds): TaskList {
  const to = last + around;
  const from = isJumping ? first - around : 0;
  const isKept = (at: number, id: string | undefined) => (at >= from && at <= to) || (id !== undefined && pinned.has(id));
  const isCounted = isJumping && list.total !== null && !list.isCapped;
  const end = isCounted ? list.ids.length : Math.max(isJumping ? Math.max(MAX_COUNTED, to + 1) : to + 1, list.ids.findLastIndex((id) => id !== undefined && pinned.has(id)) + 1);
  const ids = list.ids.slice(0, end).map((id, at) => (isKept(at, id) ? id : undefined));
  const rows = new Map<string, TaskRow>();
  for (const id of ids) {
    const row = id === undefined ? undefined : list.rows.get(id);
    if (row) rows.set(row.id, row);
  }
  return { ...list, ids, rows, hasMore: list.hasMore || end < list.ids.length };
}

/** A row with what a person just changed, until the server tells it. */
export function withRow(list: TaskList, row: TaskRow): TaskList {
  return list.rows.has(row.id) ? { ...list, rows: new Map(list.rows).set(row.id, newer(list.rows.get(row.id), row)) } : list;
}

export function withoutRow(list: TaskList, id: string): TaskList {
  return list.rows.has(id) && list.ids.includes(id) ? without(list, id) : list;
}
