/** Lines of the event log. Pure. */
import type { TaskEvent } from '@/events/event';

export interface LogLine {
  readonly time: string;
  readonly who: string;
  readonly data: string;
}

const MAX_SHOWN = 2000;

export function lineOf(event: TaskEvent): LogLine {
  const at = new Date(event.at);
  const pad = (value: number, size = 2) => String(value).padStart(size, '0');
  const data = Object.keys(event.data).length === 0 ? '' : JSON.stringify(event.data);
  return {
    time: `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}.${pad(at.getMilliseconds(), 3)}`,
    who: [...new Set([event.agent, event.subtask_id])].filter(Boolean).join('/'),
    data: data.length > MAX_SHOWN ? `${data.slice(0, MAX_SHOWN)}…` : data,
  };
}

/** Events that hold every word of the query somewhere. */
export function filterLog(events: readonly TaskEvent[], query: string): readonly TaskEvent[] {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return events;
  return events.filter((event) => {
    const all = `${event.seq} ${event.type} ${event.agent ?? ''} ${event.subtask_id ?? ''} ${JSON.stringify(event.data)}`.toLowerCase();
    return wanted.every((word) => all.includes(word));
  });
}
