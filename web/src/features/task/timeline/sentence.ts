/** What a step of the timeline says in one line. */
import { number } from '@/events/event';
import type { Entry, TaskView } from '@/events/view';
import { known, type Say } from '@/i18n/words';
import { words } from '../words';

type TaskSay = typeof words extends { keys?: infer K extends string } ? Say<K> : never;

export function titleOf(view: TaskView, subtaskId: string | null): string {
  return subtaskId === null ? '' : (view.subtaskById.get(subtaskId)?.title ?? subtaskId);
}

/** Who did it, as the name of an agent, `person` or `system`. */
export function doerOf(entry: Entry): string {
  if (entry.kind !== 'task') return entry.agent ?? (entry.kind === 'plan' ? 'task_decomposer' : entry.kind === 'review' ? 'quality_check' : 'coordinator');
  const byPerson = ['submitted', 'answered', 'updated', 'completed_by', 'reopened', 'deleted', 'resumed', 'cancelled', 'paused'];
  return byPerson.includes(entry.word) ? 'person' : 'system';
}

export function sentenceOf(say: TaskSay, view: TaskView, entry: Entry): string {
  const title = titleOf(view, entry.subtaskId);
  switch (entry.kind) {
    case 'task':
      return known(words, `say.task.${entry.word}`, entry.word);
    case 'plan': {
      const values = { count: number(entry.data['count']) ?? 0, revision: number(entry.data['revision']) ?? 0 };
      return entry.word === 'revised' ? say('say.plan.revised', values) : say('say.plan.created', values);
    }
    case 'subtask':
      if (entry.status === 'completed' && entry.data['reused'] === true) return say('say.subtask.reused', { title });
      return say(`say.subtask.${entry.status}`, { title });
    case 'recovery':
      return known(words, `say.recovery.${entry.word}`, say('say.recovery.other', { title }), { title });
    case 'review':
      return say('say.review', { passed: number(entry.data['passed']) ?? 0, criteria: number(entry.data['criteria']) ?? 0 });
    case 'calls':
      return say('say.calls', { calls: callsOf(say, entry) });
  }
}

function callsOf(say: TaskSay, entry: Entry): string {
  const tools = entry.parts.filter((part) => part.kind === 'tool').length;
  const models = entry.parts.filter((part) => part.kind === 'model').length;
  const said = [tools > 0 ? say('say.tools', { count: tools }) : '', models > 0 ? say('say.models', { count: models }) : ''];
  return said.filter(Boolean).join(' · ');
}
