/** What the address of a task says: which tab and which subtask are open. */

export const TASK_TABS = ['report', 'artifacts', 'review', 'trace', 'logs', 'checkpoints', 'plan', 'timeline'] as const;
export type TaskTab = (typeof TASK_TABS)[number];

export interface TaskSearch {
  readonly tab?: TaskTab;
  readonly subtask?: string;
  readonly revision?: number;
}

export function parseTaskSearch(raw: Record<string, unknown>): TaskSearch {
  const tab = TASK_TABS.find((one) => one === raw['tab']);
  const subtask = raw['subtask'];
  const revision = Number(raw['revision']);
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(typeof subtask === 'string' || typeof subtask === 'number' ? { subtask: String(subtask) } : {}),
    ...(Number.isInteger(revision) && revision > 0 ? { revision } : {}),
  };
}
