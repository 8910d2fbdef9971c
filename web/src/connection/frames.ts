/** Frames of the WebSocket, read with care. */
import { asEvent, isData, number, text, type Data, type TaskEvent } from '@/events/event';

export interface Frame {
  readonly type: string;
  readonly data: Data;
  readonly message: string;
  readonly taskId: string | null;
  readonly eventId: number | null;
  readonly cursor: string | null;
  readonly event: TaskEvent | null;
  readonly errorCode: string | null;
}

/** A frame as text, or null if it is none of ours. */
export function parseFrame(raw: string): Frame | null {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return null;
  }
  if (!isData(value) || typeof value['type'] !== 'string') return null;
  const data = isData(value['data']) ? value['data'] : {};
  return {
    type: value['type'],
    data,
    message: text(value['message']),
    taskId: text(value['task_id']) || null,
    eventId: number(value['event_id']),
    cursor: text(value['cursor']) || null,
    event: asEvent(data['event']),
    errorCode: text(value['error_code']) || null,
  };
}
