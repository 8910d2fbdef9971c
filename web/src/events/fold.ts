/**
 * From a task's log to what the page shows. Pure: the same events give the same view, live, after a reload, or in
 * another tab; an event that comes twice changes nothing.
 */
import { isData, list, number, text, texts, type Data, type TaskEvent } from './event';
import { Draft } from './draft';
import { isOver, statusOf, type Status } from './status';
import { EMPTY_VIEW, type EventError, type Part, type PlanNode, type TaskView } from './view';

/** `view` with more of the log. Events must be in the order of the log; known ones are passed over. */
export function fold(view: TaskView, events: readonly TaskEvent[]): TaskView {
  const draft = new Draft(view);
  let isChanged = false;
  for (const event of events) {
    if (event.seq <= draft.view.seq) continue;
    draft.view.seq = event.seq;
    apply(draft, event);
    isChanged = true;
  }
  return isChanged ? draft.finish() : view;
}

export function foldAll(events: readonly TaskEvent[]): TaskView {
  return fold(EMPTY_VIEW, events);
}

/** `view` with the nodes of a plan whose event was too small for them. */
export function withPlan(view: TaskView, revision: number, nodes: readonly PlanNode[]): TaskView {
  const draft = new Draft(view);
  draft.view.plans = view.plans.map((plan) => (plan.revision === revision && plan.nodes === null ? { ...plan, nodes } : plan));
  if (view.plans.at(-1)?.revision === revision) draft.setNodes(nodes);
  return draft.finish();
}

/** The revision whose nodes the page must ask for, if any. */
export function missingPlan(view: TaskView): number | null {
  return view.plans.findLast((plan) => plan.nodes === null)?.revision ?? null;
}

function apply(draft: Draft, event: TaskEvent): void {
  const [family = '', verb = ''] = event.type.split('.');
  switch (family) {
    case 'task':
      ofTask(draft, event, verb);
      break;
    case 'plan':
      ofPlan(draft, event);
      break;
    case 'subtask':
      ofSubtask(draft, event, verb);
      break;
    case 'recovery':
      draft.entry(`recovery:${event.seq}`, event, {
        kind: 'recovery',
        word: text(event.data['decision']),
        status: 'waiting_input',
        attempt: number(event.data['attempt']) ?? 0,
      });
      break;
    case 'review':
      ofReview(draft, event);
      break;
    default:
      ofWork(draft, event, family);
  }
}

const WORD_STATUS: Readonly<Record<string, Status>> = {
  waiting_input: 'waiting_input',
  paused: 'paused',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
};

function ofTask(draft: Draft, event: TaskEvent, verb: string): void {
  const { view } = draft;
  const { data } = event;
  // A worker's claim names its run; a person's resume only puts the task back into the queue.
  const isClaim = typeof data['run'] === 'string';
  const error = errorOf(data['error']);
  switch (verb) {
    case 'submitted':
      view.title = text(data['title']);
      view.team = text(data['team']);
      view.files = texts(data['files']);
      view.submittedAt = event.at;
      break;
    case 'started':
    case 'resumed':
      draft.stop('pending', event.at);
      view.questions = [];
      view.areQuestionsShortened = false;
      view.endedAt = null;
      view.status = isClaim ? 'running' : 'pending';
      if (isClaim) {
        view.startedAt ??= event.at;
        draft.run({
          run: text(data['run']),
          epoch: number(data['epoch']) ?? 0,
          generation: number(data['generation']) ?? 0,
          worker: text(data['worker']),
          at: event.at,
        });
      }
      break;
    case 'reopened':
      draft.stop('cancelled', event.at);
      draft.reset();
      view.status = 'pending';
      view.endedAt = null;
      view.error = null;
      view.review = null;
      view.verdicts = [];
      view.questions = [];
      break;
    case 'waiting_input':
      draft.stop('waiting_input', event.at);
      view.status = 'waiting_input';
      view.questions = list(data['questions'])
        .filter((one) => typeof one['text'] === 'string')
        .map((one) => ({
          id: text(one['id']),
          kind: text(one['kind']),
          text: text(one['text']),
          options: texts(one['options']),
          data: one,
        }));
      view.areQuestionsShortened = data['is_shortened'] === true;
      break;
    case 'paused':
      draft.stop('paused', event.at);
      view.status = 'paused';
      break;
    case 'completed':
    case 'failed':
    case 'cancelled':
      draft.stop('cancelled', event.at);
      draft.closeOpen();
      view.status = verb;
      view.endedAt = event.at;
      view.questions = [];
      view.areQuestionsShortened = false;
      view.error = error;
      break;
    case 'deleted':
      view.isDeleted = true;
      break;
    default:
      break;
  }
  draft.entry(`task:${event.seq}`, event, {
    kind: 'task',
    word: taskWord(verb, data),
    status: WORD_STATUS[verb] ?? 'pending',
    said: text(data['note']) || error?.detail || list(data['questions']).map((one) => text(one['text'])).join(' '),
    error,
  });
}

function taskWord(verb: string, data: Data): string {
  if (verb === 'updated' && data['answered']) return 'answered';
  if (verb === 'completed' && data['completed_by'] === 'person') return 'completed_by';
  if (verb === 'resumed' && typeof data['run'] === 'string') return 'continued';
  return verb;
}

function ofPlan(draft: Draft, event: TaskEvent): void {
  const { data } = event;
  const revision = number(data['revision']) ?? draft.view.plans.length + 1;
  const nodes = Array.isArray(data['subtasks']) ? list(data['subtasks']).map(nodeOf) : null;
  const reason = text(data['reason']);
  draft.plan({ revision, reason, count: number(data['count']) ?? nodes?.length ?? 0, at: event.at, seq: event.seq, nodes });
  if (nodes) draft.setNodes(nodes);
  draft.entry(`plan:${event.seq}`, event, { kind: 'plan', word: revision > 1 ? 'revised' : 'created', status: 'completed', said: reason });
}

/** A node as events and `GET …/plan` give it. */
export function nodeOf(item: Data): PlanNode {
  const id = text(item['id']);
  return { id, title: text(item['title']) || id, agent: text(item['agent']), dependsOn: texts(item['depends_on']) };
}

function ofSubtask(draft: Draft, event: TaskEvent, verb: string): void {
  const id = event.subtask_id;
  if (id === null) return;
  const { data } = event;
  const agent = event.agent ?? draft.subtask(id).agent;
  if (verb === 'started') {
    const attempt = number(data['attempt']) ?? 1;
    const run = text(data['run']);
    const title = text(data['title']);
    draft.attempt(id, { attempt, run, agent, status: 'running', startedAt: event.at, endedAt: null, durationS: null, error: null });
    draft.changeSubtask(id, {
      agent,
      status: 'running',
      startedAt: event.at,
      endedAt: null,
      durationS: null,
      isReused: false,
      error: null,
      ...(title ? { title } : {}),
    });
    draft.start(id, `subtask:${id}:${attempt}:${run}`, event, attempt);
  } else if (verb === 'completed' || verb === 'failed') {
    const error = verb === 'failed' ? (errorOf(data['error']) ?? UNKNOWN_ERROR) : null;
    const durationS = number(data['duration_s']);
    const summary = text(data['summary']);
    const status = statusOf(verb);
    draft.endAttempt(id, { status, endedAt: event.at, durationS, error });
    draft.changeSubtask(id, {
      agent,
      status,
      endedAt: event.at,
      durationS,
      error,
      ...(verb === 'completed'
        ? {
            summary,
            findings: number(data['findings']) ?? 0,
            passages: number(data['passages']) ?? 0,
            isReused: data['reused'] === true,
          }
        : {}),
    });
    draft.end(id, event, { status, endedAt: event.at, durationS, error, said: error ? error.detail || error.code : summary, data });
  } else if (verb === 'retried') {
    draft.changeSubtask(id, { agent, status: 'pending', startedAt: null, endedAt: null, durationS: null });
  }
}

function ofReview(draft: Draft, event: TaskEvent): void {
  const { data } = event;
  if (!('criteria' in data)) {
    const passed = typeof data['passed'] === 'boolean' ? data['passed'] : null;
    draft.verdict({
      subtaskId: event.subtask_id,
      criterion: text(data['criterion']),
      passed,
      reason: text(data['reason']),
      agent: event.agent,
      at: event.at,
    });
    draft.part(partOf(event, 'verdict'), event);
    return;
  }
  const criteria = number(data['criteria']) ?? 0;
  draft.view.review = {
    revision: number(data['revision']) ?? 0,
    criteria,
    passed: number(data['passed']) ?? 0,
    unchecked: number(data['unchecked']) ?? 0,
    at: event.at,
  };
  if (criteria > 0) {
    const status = list(data['failed']).length > 0 ? 'failed' : 'completed';
    draft.entry(`review:${event.seq}`, event, { kind: 'review', word: 'verdict', status });
  }
}

function ofWork(draft: Draft, event: TaskEvent, family: string): void {
  const { data } = event;
  if (family === 'model') {
    const inputTokens = number(data['input_tokens']) ?? 0;
    const outputTokens = number(data['output_tokens']) ?? 0;
    const cost = number(data['cost']) ?? 0;
    draft.spend({ inputTokens, outputTokens, cost, modelCalls: 1, toolCalls: 0 });
    if (event.subtask_id !== null && draft.knows(event.subtask_id)) {
      const before = draft.subtask(event.subtask_id);
      draft.changeSubtask(event.subtask_id, { tokens: before.tokens + inputTokens + outputTokens, cost: before.cost + cost });
    }
  } else if (family === 'tool') {
    draft.spend({ inputTokens: 0, outputTokens: 0, cost: 0, modelCalls: 0, toolCalls: 1 });
  } else if (family === 'artifact') {
    draft.artifact({
      name: text(data['name']),
      kind: text(data['kind']),
      mediaType: text(data['media_type']),
      sizeBytes: number(data['size_bytes']) ?? 0,
      agent: event.agent,
      subtaskId: event.subtask_id,
      at: event.at,
    });
  }
  draft.part(partOf(event, family === 'tool' || family === 'model' || family === 'artifact' ? family : 'other'), event);
}

function partOf(event: TaskEvent, kind: Part['kind']): Part {
  return { seq: event.seq, kind, at: event.at, type: event.type, agent: event.agent, data: event.data };
}

const UNKNOWN_ERROR: EventError = { code: 'UNKNOWN', title: '', detail: '', hint: '' };

function errorOf(value: unknown): EventError | null {
  if (!isData(value)) return null;
  return { code: text(value['code']), title: text(value['title']), detail: text(value['detail']), hint: text(value['hint']) };
}

/** Share of the newest plan that is done, by number of subtasks; null without a plan. */
export function doneOf(view: TaskView): { readonly done: number; readonly total: number } | null {
  if (view.subtasks.length === 0) return null;
  return { done: view.subtasks.filter((one) => one.status === 'completed').length, total: view.subtasks.length };
}

/** Seconds from the first start to the end, or to `now` while it is not over; null before it starts. */
export function elapsedOf(view: TaskView, now: Date): number | null {
  if (view.startedAt === null) return null;
  const end = isOver(view.status) && view.endedAt !== null ? new Date(view.endedAt) : now;
  return Math.max(0, (end.getTime() - new Date(view.startedAt).getTime()) / 1000);
}
