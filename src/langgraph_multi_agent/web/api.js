// The server: requests, one task's log, and the wake-ups of all tasks. Nothing here touches the page.
import { language, say } from './words.js';

const FIRST_WAIT_S = 0.5;
const LONGEST_WAIT_S = 30;
const SILENCE_S = 75; // the server's heartbeat comes every 30 s

/** An RFC 9457 problem, or the fact that nobody answered. */
export class Problem extends Error {
  constructor(body, status = 0) {
    super(body.title);
    Object.assign(this, { status, detail: '', hint: '', errors: [] }, body);
  }
}

const unreachable = () =>
  new Problem({ title: say('unreachable.title'), detail: say('unreachable.detail'), hint: say('unreachable.hint') });
const headers = (more) => ({ 'Accept-Language': language(), ...more });
const problemOf = (status, body) => new Problem(body?.title ? body : { title: `HTTP ${status}` }, status);

/** A request with its JSON answer. Throws Problem. */
export async function call(method, path, body, { accept = [] } = {}) {
  let response;
  let answer = null;
  try {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    response = await fetch(path, { method, ...sent, headers: headers(sent.body ? { 'Content-Type': 'application/json' } : {}) });
    const text = await response.text();
    if (text && /json/.test(response.headers.get('content-type') ?? '')) answer = JSON.parse(text);
  } catch {
    throw unreachable();
  }
  if (!response.ok && !accept.includes(response.status)) throw problemOf(response.status, answer);
  return answer;
}

export const get = (path, options) => call('GET', path, undefined, options);
export const taskPath = (id, rest = '') => `/api/v1/tasks/${encodeURIComponent(id)}${rest}`;

/** Send a form; `onProgress` gets the share that is uploaded, 0–1. */
export function send(path, form, key, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', path);
    for (const [name, value] of Object.entries(headers({ 'Idempotency-Key': key }))) request.setRequestHeader(name, value);
    request.upload.addEventListener('progress', (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener('error', () => reject(unreachable()));
    request.addEventListener('load', () => {
      let body = null;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        /* not ours: the status says enough */
      }
      if (request.status >= 200 && request.status < 300) resolve(body);
      else reject(problemOf(request.status, body));
    });
    request.send(form);
  });
}

export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const waitFor = (fails) => Math.min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** fails) * (0.75 + Math.random() / 2);

async function* frames(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split('\n\n');
    rest = parts.pop();
    for (const part of parts) {
      const frame = {};
      for (const line of part.split('\n')) {
        const at = line.indexOf(':');
        if (at > 0) frame[line.slice(0, at)] = line.slice(at + 1).trimStart();
      }
      if (frame.data) yield frame;
    }
  }
}

/**
 * Follow a task's log from its beginning: each event once and in order, however often the connection breaks.
 * Ends when the task has; `wake` starts it again when there is more.
 */
export class Log {
  constructor(id, { onEvent, onProblem }) {
    Object.assign(this, { id, onEvent, onProblem, seq: 0, closed: false, running: false });
    this.wake();
  }

  wake(seq = Infinity) {
    if (seq <= this.seq) return;
    this.hurry?.();
    if (this.closed || this.running) return;
    this.running = true;
    this.#run().finally(() => {
      this.running = false;
    });
  }

  close() {
    this.closed = true;
    this.abort?.abort();
  }

  async #run() {
    for (let fails = 0; !this.closed; fails += 1) {
      const before = this.seq;
      try {
        if (await this.#read()) return;
      } catch (error) {
        if (this.closed) return;
        if (error instanceof Problem && error.status >= 400 && error.status < 500) {
          this.onProblem(error);
          return;
        }
      }
      if (this.seq > before) fails = -1;
      const wait = this.seq > before ? 0 : waitFor(fails) * 1000;
      await new Promise((resolve) => {
        this.hurry = resolve;
        setTimeout(resolve, wait);
      });
    }
  }

  /** One connection; true when everything was seen and the task has ended. */
  async #read() {
    this.abort = new AbortController();
    const resume = this.seq ? { 'Last-Event-ID': String(this.seq) } : {};
    const response = await fetch(taskPath(this.id, '/events/stream'), { headers: headers(resume), signal: this.abort.signal });
    if (response.status === 204) return true;
    if (!response.ok) throw problemOf(response.status, await response.json().catch(() => null));
    for await (const frame of frames(response)) {
      const data = JSON.parse(frame.data);
      if (frame.event === 'problem') throw problemOf(data.status, data);
      if (frame.event === 'progress' || data.seq <= this.seq) continue;
      if (data.seq !== this.seq + 1) return false; // a hole: ask again from what is known
      this.seq = data.seq;
      this.onEvent(data);
    }
    return false;
  }
}

/** The WebSocket that says which tasks have news; it comes back by itself, with what it missed. */
export class Live {
  #listeners = new Set();
  #fails = 0;
  #heard = 0;

  constructor() {
    this.state = 'connecting';
    this.opened = false;
    this.#open();
    setInterval(() => {
      if (this.state === 'open' && Date.now() - this.#heard > SILENCE_S * 1000) this.socket.close();
    }, 5000);
    window.addEventListener('online', () => this.now());
    window.addEventListener('offline', () => this.socket?.close());
  }

  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  now() {
    if (this.state !== 'waiting') return;
    clearTimeout(this.timer);
    this.#open();
  }

  #tell(news) {
    for (const listener of [...this.#listeners]) listener(news);
  }

  #set(state) {
    this.state = state;
    this.#tell({ type: 'connection', state });
  }

  #open() {
    this.#set('connecting');
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws`);
    this.socket = socket;
    socket.addEventListener('open', () => {
      this.#heard = Date.now();
      socket.send(JSON.stringify({ type: 'task_subscribe', ...(this.cursor ? { cursor: this.cursor } : {}) }));
    });
    socket.addEventListener('message', ({ data }) => {
      this.#heard = Date.now();
      const frame = JSON.parse(data);
      if (frame.cursor) this.cursor = frame.cursor;
      if (frame.type === 'task_subscription_confirmed') {
        const again = this.opened;
        this.#fails = 0;
        this.opened = true;
        this.#set('open');
        if (again) this.#tell({ type: 'again' });
      } else if (frame.type === 'error') {
        this.cursor = null;
      } else if (frame.task_id) {
        this.#tell({ type: 'task', id: frame.task_id, seq: frame.event_id, event: frame.data?.event?.type });
      }
    });
    socket.addEventListener('close', () => {
      const wait = waitFor(this.#fails);
      this.#fails += 1;
      this.until = Date.now() + wait * 1000;
      this.#set('waiting');
      this.timer = setTimeout(() => this.#open(), wait * 1000);
    });
  }
}

/** Run `work` now, and once more after `pauseMs` if it was asked for meanwhile. */
export function paced(work, pauseMs) {
  let busy = false;
  let wanted = false;
  return async function run() {
    if (busy) {
      wanted = true;
      return;
    }
    busy = true;
    try {
      await work();
    } finally {
      setTimeout(() => {
        busy = false;
        if (wanted) {
          wanted = false;
          run();
        }
      }, pauseMs);
    }
  };
}
