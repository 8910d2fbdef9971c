/** Events of a task as the API gives them, and careful reading of their data. */

export interface TaskEvent {
  readonly seq: number;
  readonly type: string;
  /** ISO-8601. */
  readonly at: string;
  readonly agent: string | null;
  readonly subtask_id: string | null;
  readonly data: Data;
}

export type Data = Readonly<Record<string, unknown>>;

export function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

export function list(value: unknown): readonly Data[] {
  return Array.isArray(value) ? value.filter(isData) : [];
}

export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** What arrived from outside as an event, or null. */
export function asEvent(value: unknown): TaskEvent | null {
  if (!isData(value)) return null;
  const seq = number(value['seq']);
  if (seq === null || typeof value['type'] !== 'string') return null;
  return {
    seq,
    type: value['type'],
    at: text(value['at']),
    agent: typeof value['agent'] === 'string' ? value['agent'] : null,
    subtask_id: typeof value['subtask_id'] === 'string' ? value['subtask_id'] : null,
    data: isData(value['data']) ? value['data'] : {},
  };
}
