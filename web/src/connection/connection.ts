/**
 * The one WebSocket of a tab: who follows what, and coming back after a loss.
 *
 * Invariants: a follower of a task gets every event after the number it knows once and in order, over any number of
 * reconnects; a follower of all tasks gets every event once, or is told that it must ask for the list anew; what the
 * server refused is not asked for again without a pause.
 */
import type { Data, TaskEvent } from '@/events/event';
import { parseFrame, type Frame } from './frames';
import { Numbers } from './numbers';
import { pauseAfter } from './pause';
import { Refusals } from './refusals';
import type { Socket, World } from './world';

export type ConnectionState = 'connecting' | 'online' | 'offline';

export interface ConnectionStatus {
  readonly state: ConnectionState;
  /** When the next attempt is made, in milliseconds of the clock; null while none is planned. */
  readonly retryAt: number | null;
  readonly attempts: number;
  /** Whether it was ever online. */
  readonly wasOnline: boolean;
  /** The server is there, but again and again refuses what is followed: the page may be old. */
  readonly isRefused: boolean;
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
  /** The log cannot be had from where the follower stands, which is not asked for again: load the task anew. */
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

/** The server beats every 30 s; silence for longer means that nobody is there. */
const SILENCE_MS = 45_000;
/** After waking up a living server answers a ping within this. */
const PONG_MS = 5000;
/** A socket that stood for so long was no accident: the next loss is the first one again. */
const STEADY_MS = 10_000;
/** Tasks followed on this socket and left since: then a new socket is cheaper than their frames. */
const MAX_LEFT = 24;
const MAX_REMEMBERED = 10_000;
/** Names of subscriptions that are no task's; the server names them so too. */
const ALL = '*tasks';
const AGENTS = '*agents';
/** A refusal that says nothing about the place: it may be asked for again. */
const PASSING = 'DEPENDENCY_UNAVAILABLE';

interface OneFollower extends TaskFollower {
  seen: number;
  /** Its place is gone; a new follower takes its own. */
  isRefused: boolean;
}

export class Connection {
  readonly #url: () => string;
  readonly #world: World;
  #socket: Socket | null = null;
  #isGreeted = false;
  #status: ConnectionStatus = { state: 'connecting', retryAt: null, attempts: 0, wasOnline: false, isRefused: false };
  #stopWaiting: (() => void) | null = null;
  #stopWatching: (() => void) | null = null;
  #stopWaking: (() => void) | null = null;
  #stopSteadying: (() => void) | null = null;
  /** Losses in a row, also of sockets that were greeted and closed at once. */
  #losses = 0;

  readonly #statusListeners = new Set<() => void>();
  readonly #tasks = new Map<string, Set<OneFollower>>();
  /**
   * Tasks that the server sends by themselves on this socket, and up to which number they were heard: it leaves them
   * out of what it sends of all tasks.
   */
  readonly #sent = new Map<string, number>();
  /** The same of lost sockets, until it is asked for again. */
  readonly #lostAt = new Map<string, number>();
  /** The number from which a gap was asked to be closed, by task: asked once a socket. */
  readonly #asked = new Map<string, number>();
  readonly #all = new Set<AllFollower>();
  readonly #chat = new Set<(data: Data) => void>();
  readonly #agents = new Set<AgentFollower>();
  #agentList: readonly Data[] | null = null;
  /** The numbers of each task that followers of all tasks saw. */
  readonly #heard = new Map<string, Numbers>();
  /** The place among all tasks; null: nothing is known to follow on, so the next confirmation leaves a gap before it. */
  #cursor: string | null = null;
  #isFollowingAll = false;
  #isAllConfirmed = false;
  readonly #refusals: Refusals;

  /** `url` is asked for before each socket. */
  constructor(url: () => string, world: World) {
    this.#url = url;
    this.#world = world;
    this.#refusals = new Refusals(world);
  }

  start(): void {
    this.#stopWaking = this.#world.onWake(() => this.#wake());
    this.#open();
  }

  stop(): void {
    this.#stopWaking?.();
    this.#drop();
    this.#refusals.clear();
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
    else this.#refusals.hurry();
  }

  /** Take a new socket because its address changed; nothing that is followed is lost. */
  renew(): void {
    if (this.#socket !== null) this.#reopen();
  }

  /** Follow a task from the event after number `after`. The answer ends it. */
  followTask(taskId: string, after: number, follower: TaskFollower): () => void {
    const one: OneFollower = { ...follower, seen: after, isRefused: false };
    const others = this.#tasks.get(taskId) ?? new Set();
    this.#tasks.set(taskId, others);
    others.add(one);
    this.#askTask(taskId);
    return () => {
      others.delete(one);
      if (others.size > 0 || this.#tasks.get(taskId) !== others) return;
      this.#tasks.delete(taskId);
      this.#tellRefused();
      // The contract has no way to end a subscription but a new socket.
      const left = [...this.#sent.keys()].filter((id) => !this.#tasks.has(id)).length;
      if (left > MAX_LEFT) this.#reopen();
    };
  }

  followAll(follower: AllFollower): () => void {
    this.#all.add(follower);
    if (!this.#isFollowingAll) this.#askAll();
    return () => {
      this.#all.delete(follower);
      this.#tellRefused();
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
    if (this.#agentList === null) this.#askAgents();
    else follower.onSnapshot(this.#agentList);
    return () => {
      this.#agents.delete(follower);
      this.#tellRefused();
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
    socket = this.#world.open(this.#url(), {
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
    this.#isAllConfirmed = false;
    this.#agentList = null;
    for (const [taskId, place] of this.#sent) this.#lostAt.set(taskId, Math.min(place, this.#lostAt.get(taskId) ?? place));
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
    const ms = pauseAfter(this.#losses, this.#world);
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
        this.#confirmed(frame);
        break;
      case 'chat_message':
        for (const listener of [...this.#chat]) listener(frame.data);
        break;
      case 'agent_subscription_confirmed':
        this.#refusals.confirm(AGENTS);
        this.#tellRefused();
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
    // What was sent by itself and is so no more may be missing before the cursor. Nobody to hear it: begin anew later.
    const isHidden = [...this.#lostAt.keys()].some((taskId) => this.#refusals.isPausing(taskId) || this.#placeOf(taskId) === null);
    if (isHidden || this.#all.size === 0) this.#cursor = null;
    for (const taskId of this.#tasks.keys()) this.#askTask(taskId);
    this.#lostAt.clear();
    if (this.#all.size > 0) this.#askAll();
    if (this.#chat.size > 0) this.#send({ type: 'chat_subscribe' });
    if (this.#agents.size > 0) this.#askAgents();
  }

  /** The place from which a task must be sent so that no follower misses anything; null: nobody follows. */
  #placeOf(taskId: string): number | null {
    const places = [...(this.#tasks.get(taskId) ?? [])].filter((one) => !one.isRefused).map((one) => one.seen);
    if (places.length === 0) return null;
    return Math.min(...places, this.#sent.get(taskId) ?? Infinity, this.#lostAt.get(taskId) ?? Infinity);
  }

  #askTask(taskId: string): void {
    const after = this.#placeOf(taskId);
    if (!this.#isGreeted || after === null || this.#refusals.isPausing(taskId)) return;
    if (!this.#sent.has(taskId)) this.#sent.set(taskId, after);
    this.#send({ type: 'task_subscribe', task_id: taskId, after_event_id: after });
  }

  #askAll(): void {
    if (!this.#isGreeted || this.#refusals.isPausing(ALL)) return;
    this.#isFollowingAll = true;
    this.#isAllConfirmed = false;
    this.#send(this.#cursor === null ? { type: 'task_subscribe' } : { type: 'task_subscribe', cursor: this.#cursor });
  }

  #askAgents(): void {
    if (!this.#refusals.isPausing(AGENTS)) this.#send({ type: 'agent_subscribe' });
  }

  #confirmed(frame: Frame): void {
    this.#refusals.confirm(frame.taskId ?? ALL);
    this.#tellRefused();
    if (frame.taskId !== null || !this.#isFollowingAll || this.#isAllConfirmed) return;
    this.#isAllConfirmed = true;
    if (this.#cursor !== null) return;
    // It is followed from now on, and what came before is known to nobody.
    this.#cursor = frame.cursor;
    this.#heard.clear();
    for (const one of [...this.#all]) one.onGap();
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
    if (frame.cursor !== null && this.#isFollowingAll) this.#cursor = frame.cursor;
    else if ((this.#sent.get(taskId) ?? Infinity) < event.seq) this.#sent.set(taskId, event.seq);
    // Before the confirmation the list is not loaded yet, or it is asked for from the place that is known.
    if (!this.#isFollowingAll || (this.#cursor === null && !this.#isAllConfirmed) || !this.#isFirst(taskId, event.seq)) return;
    for (const one of [...this.#all]) one.onEvent(delivery);
  }

  /** Whether followers of all tasks did not see it yet. */
  #isFirst(taskId: string, seq: number): boolean {
    const heard = this.#heard.get(taskId) ?? new Numbers();
    this.#heard.delete(taskId);
    this.#heard.set(taskId, heard);
    if (this.#heard.size > MAX_REMEMBERED) {
      const oldest = this.#heard.keys().next();
      if (!oldest.done) this.#heard.delete(oldest.value);
    }
    return heard.add(seq);
  }

  #refused(frame: Frame): void {
    const { taskId, errorCode } = frame;
    if (taskId !== null && this.#tasks.has(taskId)) this.#refusedTask(taskId, { code: errorCode, message: frame.message });
    else if (errorCode === null) return;
    else if (taskId === AGENTS || (taskId === null && this.#agents.size > 0 && this.#agentList === null && this.#isAllConfirmed === this.#isFollowingAll)) {
      this.#refusals.refuse(AGENTS, () => {
        if (this.#agents.size > 0) this.#askAgents();
      });
    } else if (this.#isFollowingAll && (taskId === ALL || (taskId === null && !this.#isAllConfirmed))) {
      // The place among all tasks may be gone: begin at what is then now, and let the lists be loaded anew.
      this.#cursor = null;
      this.#isFollowingAll = false;
      this.#refusals.refuse(ALL, () => {
        if (this.#all.size > 0 && !this.#isFollowingAll) this.#askAll();
      });
    }
    this.#tellRefused();
  }

  #refusedTask(taskId: string, refusal: Refusal): void {
    const followers = [...(this.#tasks.get(taskId) ?? [])];
    if (refusal.code !== PASSING) for (const one of followers) one.isRefused = true;
    this.#refusals.refuse(taskId, () => {
      for (const one of followers) if (one.isRefused && this.#tasks.get(taskId)?.has(one) === true) one.onRefused?.(refusal);
      this.#askTask(taskId);
    });
  }

  #tellRefused(): void {
    const isRefused = this.#refusals.areTold((key) => (key === ALL ? this.#all.size > 0 : key === AGENTS ? this.#agents.size > 0 : this.#tasks.has(key)));
    if (isRefused !== this.#status.isRefused) this.#setStatus({ isRefused });
  }
}
