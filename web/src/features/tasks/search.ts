/** What the address of the list says: its filters. */
import { STATUSES, type Status } from '@/events/status';

export interface TasksSearch {
  readonly q?: string;
  readonly status?: Status;
  readonly priority?: number;
  readonly assignee?: string;
  readonly team?: string;
  readonly when?: 'today' | 'week' | 'month' | 'overdue';
}

const WHEN = ['today', 'week', 'month', 'overdue'] as const;

export function parseTasksSearch(raw: Record<string, unknown>): TasksSearch {
  const text = (name: string) => (typeof raw[name] === 'string' && raw[name] !== '' ? raw[name] : undefined);
  const q = text('q') ?? (typeof raw['q'] === 'number' ? String(raw['q']) : undefined);
  const status = STATUSES.find((one) => one === raw['status']);
  const priority = [1, 2, 3, 4].find((one) => one === Number(raw['priority']));
  const assignee = text('assignee');
  const team = text('team');
  const when = WHEN.find((one) => one === raw['when']);
  return {
    ...(q === undefined ? {} : { q }),
    ...(status === undefined ? {} : { status }),
    ...(priority === undefined ? {} : { priority }),
    ...(assignee === undefined ? {} : { assignee }),
    ...(team === undefined ? {} : { team }),
    ...(when === undefined ? {} : { when }),
  };
}
