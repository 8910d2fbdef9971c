/**
 * A view while one batch of events is folded into it.
 *
 * Hides copy on write: a list or an entry is copied when it is first changed, so a batch costs what it changes and the
 * view before it stays as it was. Only `fold` uses it.
 */
import type { TaskEvent } from './event';
import type { Status } from './status';
import type {
  ArtifactView,
  Attempt,
  Entry,
  Part,
  PlanNode,
  PlanRevision,
  RunView,
  Spending,
  SubtaskView,
  TaskView,
  VerdictView,
} from './view';

type Open<T> = { -readonly [K in keyof T]: T[K] };
type OwnEntry = Open<Omit<Entry, 'parts'>> & { parts: Part[] };

const ENTRY: Omit<Entry, 'key' | 'seq' | 'at' | 'agent' | 'subtaskId' | 'data'> = {
  kind: 'task',
  word: '',
  status: 'pending',
  endedAt: null,
  attempt: 0,
  said: '',
  durationS: null,
  error: null,
  parts: [],
};

/** A subtask of which the log has said nothing yet. */
export function newSubtask(node: PlanNode): SubtaskView {
  return {
    ...node,
    status: 'pending',
    attempts: [],
    startedAt: null,
    endedAt: null,
    durationS: null,
    summary: '',
    findings: 0,
    passages: 0,
    isReused: false,
    error: null,
    tokens: 0,
    cost: 0,
  };
}

export class Draft {
  readonly view: Open<TaskView>;
  readonly #entries: Entry[];
  readonly #own = new Map<number, OwnEntry>();
  /** Where each key and each subtask's newest entry stands. */
  readonly #places: Map<string, number>;
  readonly #subtasks: Map<string, SubtaskView>;
  #order: readonly string[];

  constructor(view: TaskView) {
    this.view = { ...view };
    this.#entries = [...view.entries];
    this.#subtasks = new Map(view.subtaskById);
    this.#order = view.subtasks.map((one) => one.id);
    this.#places = new Map();
    this.#entries.forEach((entry, place) => this.#note(entry, place));
  }

  finish(): TaskView {
    this.view.entries = this.#entries;
    this.view.subtaskById = this.#subtasks;
    this.view.subtasks = this.#order.map((id) => this.subtask(id));
    return this.view;
  }

  #note(entry: Entry, place: number): void {
    this.#places.set(entry.key, place);
    if (entry.kind === 'subtask' && entry.subtaskId !== null) this.#places.set(`newest:${entry.subtaskId}`, place);
    if (entry.kind === 'calls') this.#places.set(`calls:${entry.agent ?? ''}:${entry.subtaskId ?? ''}`, place);
  }

  #owned(place: number): OwnEntry | undefined {
    const own = this.#own.get(place);
    if (own) return own;
    const entry = this.#entries[place];
    if (!entry) return undefined;
    const copy: OwnEntry = { ...entry, parts: [...entry.parts] };
    this.#entries[place] = copy;
    this.#own.set(place, copy);
    return copy;
  }

  /** Add an entry. */
  entry(key: string, event: TaskEvent, values: Partial<Entry>): void {
    const entry: OwnEntry = {
      ...ENTRY,
      key,
      seq: event.seq,
      at: event.at,
      agent: event.agent,
      subtaskId: event.subtask_id,
      data: event.data,
      ...values,
      parts: [],
    };
    const place = this.#entries.push(entry) - 1;
    this.#own.set(place, entry);
    this.#note(entry, place);
  }

  start(id: string, key: string, event: TaskEvent, attempt: number): void {
    this.entry(key, event, { kind: 'subtask', word: 'started', status: 'running', attempt });
    this.#places.set(`newest:${id}`, this.#entries.length - 1);
  }

  end(id: string, event: TaskEvent, values: Partial<Omit<Entry, 'parts'>>): void {
    const place = this.#places.get(`newest:${id}`);
    const entry = place === undefined ? undefined : this.#owned(place);
    // A result that was kept comes without a start.
    if (entry?.status !== 'running') {
      this.entry(`subtask:${id}:${event.seq}`, event, { kind: 'subtask', attempt: 1, ...values });
      return;
    }
    Object.assign(entry, values);
  }

  /** A call inside the subtask at work; calls outside of any are gathered by agent. */
  part(part: Part, event: TaskEvent): void {
    const inside = event.subtask_id === null ? undefined : this.#places.get(`newest:${event.subtask_id}`);
    let place = inside ?? this.#places.get(`calls:${event.agent ?? ''}:${event.subtask_id ?? ''}`);
    if (place === undefined) {
      this.entry(`calls:${event.seq}`, event, { kind: 'calls', word: 'calls', status: 'completed', data: {} });
      place = this.#entries.length - 1;
    }
    this.#owned(place)?.parts.push(part);
  }

  /** What was at work stops: the task ended, was parked, or another worker begins anew. */
  stop(status: Status, at: string): void {
    this.#entries.forEach((entry, place) => {
      if (entry.kind !== 'subtask' || entry.status !== 'running') return;
      const own = this.#owned(place);
      if (own) Object.assign(own, { status: status === 'pending' ? 'cancelled' : status, endedAt: at });
    });
    for (const [id, subtask] of this.#subtasks) {
      if (subtask.status !== 'running' && subtask.status !== 'paused' && subtask.status !== 'waiting_input') continue;
      const wasRunning = subtask.status === 'running';
      const attempts = subtask.attempts.map((one) =>
        one.status === 'running' ? { ...one, status: status === 'pending' ? ('cancelled' as const) : status, endedAt: at } : one,
      );
      this.#subtasks.set(id, { ...subtask, status, attempts, endedAt: wasRunning && status !== 'pending' ? at : null });
    }
  }

  /** The task is over: what has not begun will not. */
  closeOpen(): void {
    for (const [id, subtask] of this.#subtasks) {
      if (subtask.status === 'pending') this.#subtasks.set(id, { ...subtask, status: 'cancelled' });
    }
  }

  /** Another generation begins: every subtask is open again, its attempts stay. */
  reset(): void {
    for (const [id, subtask] of this.#subtasks) {
      this.#subtasks.set(id, { ...newSubtask(subtask), attempts: subtask.attempts, tokens: subtask.tokens, cost: subtask.cost });
    }
  }

  plan(plan: PlanRevision): void {
    this.view.plans = [...this.view.plans.filter((one) => one.revision !== plan.revision), plan];
    if (plan.nodes === null) this.#order = [];
  }

  /** Take a plan's nodes; what is known of subtasks that it keeps stays. */
  setNodes(nodes: readonly PlanNode[]): void {
    for (const node of nodes) {
      const before = this.#subtasks.get(node.id);
      const agent = before !== undefined && before.attempts.length > 0 ? before.agent : node.agent;
      this.#subtasks.set(node.id, before ? { ...before, ...node, agent } : newSubtask(node));
    }
    this.#order = nodes.map((node) => node.id);
  }

  knows(id: string): boolean {
    return this.#subtasks.has(id);
  }

  subtask(id: string): SubtaskView {
    return this.#subtasks.get(id) ?? newSubtask({ id, title: id, agent: '', dependsOn: [] });
  }

  changeSubtask(id: string, values: Partial<SubtaskView>): void {
    this.#subtasks.set(id, { ...this.subtask(id), ...values });
  }

  attempt(id: string, attempt: Attempt): void {
    this.changeSubtask(id, { attempts: [...this.subtask(id).attempts, attempt] });
  }

  endAttempt(id: string, values: Partial<Attempt>): void {
    const { attempts } = this.subtask(id);
    const last = attempts.at(-1);
    if (last?.status === 'running') this.changeSubtask(id, { attempts: [...attempts.slice(0, -1), { ...last, ...values }] });
  }

  artifact(artifact: ArtifactView): void {
    this.view.artifacts = [...this.view.artifacts.filter((one) => one.name !== artifact.name), artifact];
  }

  verdict(verdict: VerdictView): void {
    const isSame = (one: VerdictView) => one.subtaskId === verdict.subtaskId && one.criterion === verdict.criterion;
    this.view.verdicts = [...this.view.verdicts.filter((one) => !isSame(one)), verdict];
  }

  spend(spent: Spending): void {
    const { spending } = this.view;
    this.view.spending = {
      inputTokens: spending.inputTokens + spent.inputTokens,
      outputTokens: spending.outputTokens + spent.outputTokens,
      cost: spending.cost + spent.cost,
      modelCalls: spending.modelCalls + spent.modelCalls,
      toolCalls: spending.toolCalls + spent.toolCalls,
    };
  }

  run(run: RunView): void {
    this.view.runs = [...this.view.runs, run];
  }
}
