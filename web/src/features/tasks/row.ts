/** One line of the list, from either of the two shapes in which the server tells of a task. */
import type { Schemas } from '@/api/client';
import { isData, number, text, type Data } from '@/events/event';
import { statusOf, type Status } from '@/events/status';
import { priorityOf, type PriorityLevel } from '@/parts/PriorityMark';

export interface TaskRow {
  readonly id: string;
  readonly title: string;
  readonly status: Status;
  /** cancelling, pausing, imported, … */
  readonly detail: string | null;
  readonly priority: PriorityLevel;
  readonly team: string;
  /** 0 to 100. */
  readonly progress: number;
  readonly assignee: string | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** It starts no earlier. */
  readonly startAt: string | null;
  readonly deadlineAt: string | null;
  readonly tokens: number;
  /** In the currency of the settings. */
  readonly cost: number;
  readonly errorTitle: string;
  /** The number of its newest event: of two tellings the higher one holds. */
  readonly seq: number;
}

function textOrNull(value: unknown): string | null {
  return text(value) || null;
}

/** A task of the adapter: of its list, or beside an event. null: it says no more than the id. */
export function rowOfAdapter(task: Data): TaskRow | null {
  if (text(task['id']) === '' || typeof task['status'] !== 'string') return null;
  const cost = isData(task['cost']) ? task['cost'] : {};
  const error = isData(task['error']) ? task['error'] : {};
  const detail = textOrNull(task['status_detail']);
  return {
    id: text(task['id']),
    title: text(task['name']),
    status: statusOf(text(task['status']), detail),
    detail,
    priority: priorityOf(task['priority']),
    team: text(task['team']),
    progress: number(task['progress']) ?? 0,
    assignee: textOrNull(task['assignee']),
    createdAt: text(task['created_at']),
    startedAt: textOrNull(task['started_at']),
    endedAt: textOrNull(task['completed_at']),
    startAt: textOrNull(task['start_at']),
    deadlineAt: textOrNull(task['deadline_at']),
    tokens: number(cost['tokens']) ?? 0,
    cost: number(cost['cost']) ?? 0,
    errorTitle: text(error['title']),
    seq: number(task['last_event_id']) ?? 0,
  };
}

export function rowOfCore(task: Schemas['TaskModel']): TaskRow {
  return {
    id: task.id,
    title: task.title,
    status: statusOf(task.status),
    detail: task.status_detail,
    priority: priorityOf(task.priority),
    team: task.team,
    progress: task.progress,
    assignee: task.assignee,
    createdAt: task.created_at,
    startedAt: task.started_at,
    endedAt: task.completed_at,
    startAt: task.start_at,
    deadlineAt: task.deadline,
    tokens: task.cost.input_tokens + task.cost.output_tokens,
    cost: task.cost.cost,
    errorTitle: task.error?.title ?? '',
    seq: task.last_seq,
  };
}

/** Imported tasks are paused with a word of their own. */
export function isImported(row: TaskRow): boolean {
  return row.detail === 'imported';
}
