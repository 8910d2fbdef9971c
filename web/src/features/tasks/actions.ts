/** What is done to several tasks at once: one request each, a few at a time, and an honest count at the end. */
import { api, take, type Schemas } from '@/api/client';
import { asProblem, type ApiProblem } from '@/api/problem';
import { isOver, type Status } from '@/events/status';
import type { PriorityLevel } from '@/parts/PriorityMark';
import { rowOfCore, type TaskRow } from './row';

const AT_ONCE = 4;

export type BulkAction = 'cancel' | 'retry' | 'delete';

/** Whether the server would take the action on a task of this status. */
export function canDo(action: BulkAction, status: Status): boolean {
  if (action === 'cancel') return !isOver(status);
  if (action === 'retry') return status === 'failed' || status === 'cancelled';
  return true;
}

export interface Outcome {
  readonly done: readonly TaskRow[];
  readonly failed: readonly { readonly row: TaskRow; readonly problem: ApiProblem }[];
}

/** `call` for each row; one that fails does not keep the others from it. */
export async function forEach(rows: readonly TaskRow[], call: (row: TaskRow) => Promise<unknown>): Promise<Outcome> {
  const left = [...rows];
  const done: TaskRow[] = [];
  const failed: { row: TaskRow; problem: ApiProblem }[] = [];
  const work = async () => {
    for (let row = left.shift(); row !== undefined; row = left.shift()) {
      try {
        await call(row);
        done.push(row);
      } catch (error) {
        failed.push({ row, problem: asProblem(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, rows.length) }, work));
  return { done, failed };
}

export async function cancelTask(id: string): Promise<TaskRow> {
  return rowOfCore(await take(api.POST('/api/v1/tasks/{task_id}/cancel', { params: { path: { task_id: id } } })));
}

export async function retryTask(id: string): Promise<TaskRow> {
  return rowOfCore(await take(api.POST('/api/v1/tasks/{task_id}/retry', { params: { path: { task_id: id } } })));
}

export async function deleteTask(id: string): Promise<void> {
  await api.DELETE('/api/v1/tasks/{task_id}', { params: { path: { task_id: id } } });
}

export async function setPriority(id: string, priority: PriorityLevel): Promise<TaskRow> {
  // What is absent stays as it is; the generated type wants every field.
  const body = { priority } as Schemas['TaskPatch'];
  return rowOfCore(await take(api.PATCH('/api/v1/tasks/{task_id}', { params: { path: { task_id: id } }, body })));
}
