// From the log of a task to its timeline. Pure: the same events give the same entries, live or after a reload.

/**
 * Entries in the order of their first event. Each: key, kind, status, at, agent, subtask, title, said, took, parts
 * (what happened inside), version (counts changes).
 */
export class Fold {
  constructor() {
    this.entries = new Map();
    this.titles = new Map();
    this.latest = new Map();
    this.verdicts = new Map();
    this.review = null;
    this.tokens = 0;
    this.calls = 0;
  }

  add(event) {
    const [family, verb] = event.type.split('.');
    const { data } = event;
    if (family === 'subtask' && verb !== 'retried') this.#subtask(event, verb);
    else if (family === 'plan') this.#plan(event);
    else if (family === 'task') this.#task(event, verb);
    else if (event.type === 'review.verdict' && 'criteria' in data) {
      this.review = data;
      if (data.criteria === 0) return;
      this.#entry(`review:${event.seq}`, event, { kind: 'review', status: data.failed.length ? 'failed' : 'completed', data });
    } else if (event.type === 'review.verdict')
      this.verdicts.set(`${event.subtask_id}\n${data.criterion}`, { ...data, subtask: event.subtask_id });
    else if (event.type === 'recovery.attempted')
      this.#entry(`recovery:${event.seq}`, event, { kind: 'recovery', status: 'waiting_input', data });
    else this.#part(event);
  }

  #entry(key, event, values) {
    const known = this.entries.get(key);
    const entry = known ?? { key, at: event.at, agent: event.agent, subtask: event.subtask_id, parts: [], version: 0 };
    Object.assign(entry, values);
    entry.version += 1;
    this.entries.set(key, entry);
    return entry;
  }

  #plan(event) {
    const { revision, count, reason, subtasks } = event.data;
    for (const item of subtasks ?? []) this.titles.set(item.id, item.title);
    this.#entry(`plan:${event.seq}`, event, { kind: 'plan', status: 'completed', said: reason, revision, count });
  }

  #task(event, verb) {
    const { data } = event;
    if (verb === 'submitted' || verb === 'reopened') this.verdicts.clear();
    const status =
      { waiting_input: 'waiting_input', paused: 'paused', completed: 'completed', failed: 'failed', cancelled: 'cancelled' }[
        verb
      ] ?? 'pending';
    const word =
      verb === 'updated' && data.answered
        ? 'answered'
        : verb === 'completed' && data.completed_by === 'person'
          ? 'completed_by'
          : verb;
    const said = data.note ?? data.error?.detail ?? (data.questions ?? []).map((question) => question.text).join(' ');
    this.#entry(`task:${event.seq}`, event, { kind: 'task', status, word, said });
    if (['resumed', 'paused', 'cancelled', 'failed', 'completed'].includes(verb)) this.#stop();
  }

  /** What was at work when the task stopped, or lost its worker, has stopped too. */
  #stop() {
    for (const key of this.latest.values()) {
      const entry = this.entries.get(key);
      if (entry.status === 'running') {
        entry.status = 'cancelled';
        entry.version += 1;
      }
    }
  }

  #subtask(event, verb) {
    const { data } = event;
    const id = event.subtask_id;
    if (data.title) this.titles.set(id, data.title);
    if (verb === 'started') {
      const key = `subtask:${id}:${data.attempt}:${data.run}`;
      this.latest.set(id, key);
      this.#entry(key, event, { kind: 'subtask', status: 'running', title: this.titles.get(id) ?? id, attempt: data.attempt });
      return;
    }
    const key = this.latest.get(id) ?? `subtask:${id}:${event.seq}`;
    this.latest.set(id, key);
    const title = this.titles.get(id) ?? id;
    if (verb === 'completed')
      this.#entry(key, event, {
        kind: 'subtask',
        status: 'completed',
        title,
        said: data.summary,
        took: data.duration_s,
        found: data.findings,
        quoted: data.passages,
        reused: data.reused,
      });
    else
      this.#entry(key, event, {
        kind: 'subtask',
        status: 'failed',
        title,
        said: data.error?.detail || data.error?.code,
        took: data.duration_s,
      });
  }

  #part(event) {
    if (event.type === 'model.called') {
      this.calls += 1;
      this.tokens += (event.data.input_tokens ?? 0) + (event.data.output_tokens ?? 0);
    }
    const entry = this.entries.get(this.latest.get(event.subtask_id));
    if (!entry || event.type === 'subtask.retried') return;
    entry.parts.push({ type: event.type, at: event.at, data: event.data });
    entry.version += 1;
  }
}
