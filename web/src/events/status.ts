/** The seven statuses that people see, the same for tasks and subtasks. */

export const STATUSES = ['pending', 'running', 'waiting_input', 'paused', 'completed', 'failed', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];

const RENAMED: Readonly<Record<string, Status>> = { in_progress: 'running', skipped: 'cancelled' };
/** Tasks that came with an import wait for a person to resume them. */
const RENAMED_DETAILS: Readonly<Record<string, Status>> = { imported: 'paused' };
const DETAILS: readonly Status[] = ['waiting_input', 'paused', 'cancelled'];

/**
 * A status of the API as one of the seven.
 *
 * `detail` is the adapter's `status_detail`: it has four statuses and says there what they hide.
 */
export function statusOf(status: string, detail?: string | null): Status {
  const hidden = DETAILS.find((one) => one === detail) ?? RENAMED_DETAILS[detail ?? ''];
  if (hidden) return hidden;
  return STATUSES.find((one) => one === status) ?? RENAMED[status] ?? 'pending';
}

export function isOver(status: Status): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}
