/**
 * The one WebSocket of a tab: who follows what, and coming back after a loss.
 *
 * Invariants: a follower of a task gets every event after the number it knows once and in order, over any number of
 * reconnects; a follower of all tasks gets every event once, or is told that it must ask for the list anew.
 */
import type { Data, TaskEvent } from '@/events/event';
import { parseFrame, type Frame } from './frames';
import type { Socket, World } from './world';

export type ConnectionState = 'connecting' | 'online' | 'offline';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** When the next attempt is made, in milliseconds of the clock; null while none is planned. */
  readonly retryAt: number | null;
  readonly attempts: number;
  /** Whether it was ever online. */
  readonly wasOnline: boolean;
}

/** An event with the task as it was sent beside it. */
export interface Delivery {
  readonly taskId: string;
  readonly event: TaskEvent;
  /** The adapter's task object at least as new as the event; `{id}` only for a deleted task. */
  readonly task: Data;
  /** task_created, task_update, task_completed or task_deleted. */
  readonly type: string;
}

export interface Refusal {
  readonly code: string | null;
  readonly message: string;
}

export interface TaskFollower {
  readonly onEvent: (delivery: Delivery) => void;
  /** The log cannot be had from where the follower stands: load the task anew. */
  readonly onRefused?: (refusal: Refusal) => void;
}

export interface AllFollower {
  readonly onEvent: (delivery: Delivery) => void;
  /** Events may have been missed: ask for the list anew. */
  readonly onGap: () => void;
}

export interface AgentFollower {
  readonly onSnapshot: (agents: readonly Data[]) => void;
  readonly onAgent: (agent: Data) => void;
}

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;
/** The server beats every 30 s; silence for longer means that nobody is there. */
const SILENCE_MS = 45_000;
/** After waking up a living server answers a ping within this. */
const PONG_MS = 5000;
/** A socket that stood for so long was no accident: the next loss is the first one again. */
const STEADY_MS = 10_000;
/** Tasks followed on this socket and left since: then a new socket is cheaper than their frames. */
const MAX_LEFT = 24;
const MAX_REMEMBERED = 10_000;

interface OneFollower extends TaskFollower {
  seen: number;
}

export class Connection {
  readonly #url: string;
  readonly #world: World;
  #socket: Socket | null = null;
  #isGreeted = false;
  #status: ConnectionStatus = { state: 'connecting', retryAt: null, attempts: 0, wasOnline: false };
  #stopWaiting: (() => void) | null = null;
  #stopWatching: (() => void) | null = null;
  #stopWaking: (() => void) | null = null;
  #stopSteadying: (() => void) | null = null;
  /** Losses in a row, also of sockets that were greeted and closed at once. */
  #losses = 0;

  readonly #statusListeners = new Set<() => void>();
  readonly #tasks = new Map<string, Set<OneFollower>>();
  /** Tasks that the server sends on this socket. */
  readonly #sent = new Set<string>();
  /** The number from which a gap was asked to be closed, by task: asked once a socket. */
  readonly #asked = new Map<string, number>();
  readonly #all = new Set<AllFollower>();
  readonly #chat = new Set<(data: Data) => void>();
  readonly #agents = new Set<AgentFollower>();
  #agentList: readonly Data[] | null = null;
  /** The newest number of each task that followers of all tasks saw. */
  readonly #newest = new Map<string, number>();
  #cursor: string | null = null;
  #isFollowingAll = false;

  constructor(url: string, world: World) {
    this.#url = url;
    this.#world = world;
  }

  start(): void {
    this.#stopWaking = this.#world.onWake(() => this.#wake());
    this.#open();
  }

  stop(): void {
    this.#stopWaking?.();
    this.#drop();
    this.#stopWaiting?.();
    this.#stopWaiting = null;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** Try again now rather than when the pause is over. */
  retryNow(): void {
    if (this.#status.state === 'offline') this.#open();
  }

  /** Follow a task from the event after number `after`. The answer ends it. */
  followTask(taskId: string, after: number, follower: TaskFollower): () => void {
    const one: OneFollower = { ...follower, seen: after };
    const others = this.#tasks.get(taskId) ?? new Set();
    this.#tasks.set(taskId, others);
    others.add(one);
    this.#askTask(taskId);
    return () => {
      others.delete(one);
      if (others.size > 0 || this.#tasks.get(taskId) !== others) return;
      this.#tasks.delete(taskId);
      // The contract has no way to end a subscription but a new socket.
      const left = [...this.#sent].filter((id) => !this.#tasks.has(id)).length;
      if (left > MAX_LEFT) this.#reopen();
    };
  }

  followAll(follower: AllFollower): () => void {
    this.#all.add(follower);
    if (!this.#isFollowingAll) this.#askAll();
    return () => {
      this.#all.delete(follower);
    };
  }

  followChat(onMessage: (data: Data) => void): () => void {
    this.#chat.add(onMessage);
    if (this.#chat.size === 1) this.#send({ type: 'chat_subscribe' });
    return () => {
      this.#chat.delete(onMessage);
    };
  }

  followAgents(follower: AgentFollower): () => void {
    this.#agents.add(follower);
    if (this.#agentList === null) this.#send({ type: 'agent_subscribe' });
    else follower.onSnapshot(this.#agentList);
    return () => {
      this.#agents.delete(follower);
    };
  }

  #setStatus(changes: Partial<ConnectionStatus>): void {
    this.#status = { ...this.#status, ...changes };
    for (const listener of [...this.#statusListeners]) listener();
  }

  #send(frame: Data): void {
    if (this.#isGreeted) this.#socket?.send(JSON.stringify(frame));
  }

  #open(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = null;
    this.#drop();
    const { isNetworkUp } = this.#world;
    if (!isNetworkUp()) {
      this.#setStatus({ state: 'offline', retryAt: null });
      return;
    }
    this.#setStatus({ state: 'connecting', retryAt: null });
    let socket: Socket | null = null;
    let isClosed = false;
    socket = this.#world.open(this.#url, {
      onOpen: () => {
        if (socket !== null && this.#socket === socket) this.#watch(SILENCE_MS);
      },
      onText: (raw) => {
        if (socket !== null && this.#socket === socket) this.#hear(raw);
      },
      onClose: () => {
        isClosed = true;
        if (socket !== null && this.#socket === socket) this.#lost();
      },
    });
    this.#socket = socket;
    if (isClosed) this.#lost();
    else this.#watch(SILENCE_MS);
  }

  /** Forget the socket; whatever it still says is not heard. */
  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#isGreeted = false;
    this.#isFollowingAll = false;
    this.#agentList = null;
    this.#sent.clear();
    this.#asked.clear();
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#stopSteadying?.();
    this.#stopSteadying = null;
    socket?.close();
  }

  #reopen(): void {
    this.#drop();
    this.#open();
  }

  #lost(): void {
    this.#drop();
    const attempts = this.#status.attempts + 1;
    this.#losses += 1;
    const ms = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, this.#losses - 1)) * (0.5 + this.#world.random() / 2);
    this.#stopWaiting = this.#world.after(ms, () => this.#open());
    this.#setStatus({ state: 'offline', retryAt: this.#world.now() + ms, attempts });
  }

  #watch(ms: number): void {
    this.#stopWatching?.();
    this.#stopWatching = this.#world.after(ms, () => this.#lost());
  }

  #wake(): void {
    if (!this.#world.isNetworkUp()) {
      this.#stopWaiting?.();
      this.#stopWaiting = null;
      this.#drop();
      this.#setStatus({ state: 'offline', retryAt: null });
    } else if (this.#isGreeted) {
      this.#send({ type: 'ping' });
      this.#watch(PONG_MS);
    } else if (this.#status.state === 'offline') {
      this.#open();
    }
  }

  #hear(raw: string): void {
    this.#watch(SILENCE_MS);
    const frame = parseFrame(raw);
    if (frame === null) return;
    if (!this.#isGreeted) this.#greet();
    switch (frame.type) {
      case 'task_created':
      case 'task_update':
      case 'task_completed':
      case 'task_deleted':
        this.#deliver(frame);
        break;
      case 'task_subscription_confirmed':
        if (frame.taskId === null) this.#cursor ??= frame.cursor;
        break;
      case 'chat_message':
        for (const listener of [...this.#chat]) listener(frame.data);
        break;
      case 'agent_subscription_confirmed':
        this.#agentList = Array.isArray(frame.data['agents']) ? (frame.data['agents'] as readonly Data[]) : [];
        for (const one of [...this.#agents]) one.onSnapshot(this.#agentList);
        break;
      case 'agent_status':
        for (const one of [...this.#agents]) one.onAgent(frame.data);
        break;
      case 'error':
        this.#refused(frame);
        break;
      default:
        break;
    }
  }

  /** The first frame: the server is there, so everything that is followed is asked for. */
  #greet(): void {
    this.#isGreeted = true;
    this.#setStatus({ state: 'online', retryAt: null, attempts: 0, wasOnline: true });
    this.#stopSteadying = this.#world.after(STEADY_MS, () => {
      this.#losses = 0;
    });
    for (const taskId of this.#tasks.keys()) this.#askTask(taskId);
    if (this.#all.size > 0) this.#askAll();
    if (this.#chat.size > 0) this.#send({ type: 'chat_subscribe' });
    if (this.#agents.size > 0) this.#send({ type: 'agent_subscribe' });
  }

  #askTask(taskId: string): void {
    const followers = this.#tasks.get(taskId);
    if (!this.#isGreeted || !followers || followers.size === 0) return;
    this.#sent.add(taskId);
    const after = Math.min(...[...followers].map((one) => one.seen));
    this.#send({ type: 'task_subscribe', task_id: taskId, after_event_id: after });
  }

  #askAll(): void {
    if (!this.#isGreeted) return;
    this.#isFollowingAll = true;
    this.#send(this.#cursor === null ? { type: 'task_subscribe' } : { type: 'task_subscribe', cursor: this.#cursor });
  }

  #deliver(frame: Frame): void {
    if (frame.event === null || frame.taskId === null) return;
    const { event, taskId } = frame;
    const delivery: Delivery = { taskId, event, task: frame.data, type: frame.type };
    for (const one of [...(this.#tasks.get(taskId) ?? [])]) {
      if (event.seq <= one.seen) continue;
      if (event.seq > one.seen + 1 && frame.type !== 'task_deleted' && this.#asked.get(taskId) !== one.seen) {
        // Another follower's replay is ahead of this one: have it from where this one stands.
        this.#asked.set(taskId, one.seen);
        this.#askTask(taskId);
        continue;
      }
      if (event.seq > one.seen + 1 && frame.type !== 'task_deleted') continue;
      one.seen = event.seq;
      one.onEvent(delivery);
    }
    if (frame.cursor !== null) this.#cursor = frame.cursor;
    if ((this.#newest.get(taskId) ?? 0) >= event.seq) return;
    this.#newest.delete(taskId);
    this.#newest.set(taskId, event.seq);
    if (this.#newest.size > MAX_REMEMBERED) {
      const oldest = this.#newest.keys().next();
      if (!oldest.done) this.#newest.delete(oldest.value);
    }
    if (this.#isFollowingAll) for (const one of [...this.#all]) one.onEvent(delivery);
  }

  #refused(frame: Frame): void {
    const refusal: Refusal = { code: frame.errorCode, message: frame.message };
    if (frame.taskId !== null && this.#tasks.has(frame.taskId)) {
      for (const one of [...(this.#tasks.get(frame.taskId) ?? [])]) one.onRefused?.(refusal);
    } else if (this.#isFollowingAll && frame.errorCode !== null && this.#cursor !== null && (frame.taskId === null || frame.taskId === '*tasks')) {
      // The place among all tasks is gone: begin at now, and let the lists be loaded anew.
      this.#cursor = null;
      this.#newest.clear();
      this.#askAll();
      for (const one of [...this.#all]) one.onGap();
    }
  }
}
