/** What the address of a task says: which tab, subtask, plan revision and file are open. */

export const TASK_TABS = ['report', 'artifacts', 'review', 'trace', 'logs', 'checkpoints', 'plan', 'timeline'] as const;
export type TaskTab = (typeof TASK_TABS)[number];

export interface TaskSearch {
  readonly tab?: TaskTab;
  readonly subtask?: string;
  readonly revision?: number;
  readonly file?: string;
}

export function parseTaskSearch(raw: Record<string, unknown>): TaskSearch {
  const tab = TASK_TABS.find((one) => one === raw['tab']);
  const text = (name: string) => (typeof raw[name] === 'string' || typeof raw[name] === 'number' ? String(raw[name]) : undefined);
  const subtask = text('subtask');
  const file = text('file');
  const revision = Number(raw['revision']);
  return {
    ...(tab === undefined ? {} : { tab }),
    ...(subtask === undefined ? {} : { subtask }),
    ...(Number.isInteger(revision) && revision > 0 ? { revision } : {}),
    ...(file === undefined ? {} : { file }),
  };
}
