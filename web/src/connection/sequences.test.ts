/** Any order of what a network and a server may do: nothing is lost, nothing comes twice. */
import { describe, expect, it } from 'vitest';
import type { Data } from '@/events/event';
import { asEvent } from '@/events/event';
import { EMPTY_VIEW } from '@/events/view';
import { fold, foldAll } from '@/events/fold';
import { Connection } from './connection';
import type { SocketEvents, World } from './world';

interface Logged {
  readonly task: string;
  readonly seq: number;
  readonly place: number;
}

function chanceOf(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
}

function raw(one: Pick<Logged, 'task' | 'seq'>): Data {
  return { seq: one.seq, type: one.seq === 1 ? 'task.submitted' : 'task.updated', at: `2026-11-22T10:00:${String(one.seq % 60).padStart(2, '0')}Z`, agent: null, subtask_id: null, data: { title: one.task } };
}

/** One accepted socket as the server sees it: asked in order, each subscription sends at its own pace. */
class ServedSocket {
  isOpen = true;
  readonly asked: Data[] = [];
  readonly #followedFrom = new Map<string, number>();
  /** Where each own subscription stands. */
  readonly #own = new Map<string, number>();
  #all: number | null = null;

  constructor(
    readonly events: SocketEvents,
    readonly log: readonly Logged[],
  ) {}

  say(frame: Data): void {
    if (this.isOpen) this.events.onText(JSON.stringify(frame));
  }
  /** Answer the oldest question. */
  answer(isRefused: boolean): void {
    const frame = this.asked.shift();
    if (!this.isOpen || frame?.['type'] !== 'task_subscribe') return;
    const task = typeof frame['task_id'] === 'string' ? frame['task_id'] : null;
    if (isRefused) {
      this.say({ type: 'error', error: true, error_code: frame['cursor'] === undefined ? 'DEPENDENCY_UNAVAILABLE' : 'INVALID_REQUEST', message: '', task_id: task });
    } else if (task === null) {
      const cursor = frame['cursor'] === undefined ? this.log.length : Number(frame['cursor']);
      this.#all = cursor;
      this.say({ type: 'task_subscription_confirmed', cursor: String(cursor), data: {} });
    } else {
      const after = Number(frame['after_event_id']);
      this.#followedFrom.set(task, after);
      this.#own.set(task, after);
      this.say({ type: 'task_subscription_confirmed', task_id: task, event_id: after, data: { id: task } });
    }
  }
  #put(one: Logged, cursor: number | null): void {
    this.say({ type: one.seq === 1 ? 'task_created' : 'task_update', task_id: one.task, event_id: one.seq, data: { id: one.task, event: raw(one) }, ...(cursor === null ? {} : { cursor: String(cursor) }) });
  }
  sendOwn(task: string): boolean {
    const after = this.#own.get(task);
    const one = after === undefined ? undefined : this.log.find((item) => item.task === task && item.seq === after + 1);
    if (!one) return false;
    this.#own.set(task, one.seq);
    this.#put(one, null);
    return true;
  }
  sendAll(): boolean {
    if (this.#all === null) return false;
    const one = this.log[this.#all];
    if (!one) return false;
    this.#all += 1;
    const from = this.#followedFrom.get(one.task);
    if (from === undefined || one.seq <= from) this.#put(one, this.#all);
    return true;
  }
}

class Stage implements World {
  time = 0;
  readonly log: Logged[] = [];
  sockets: ServedSocket[] = [];
  #timers: { at: number; call: () => void }[] = [];
  readonly #last = new Map<string, number>();
  readonly random = () => 1;
  readonly isNetworkUp = () => true;
  readonly onWake = () => () => undefined;
  readonly now = () => this.time;

  open = (_url: string, events: SocketEvents) => {
    const socket = new ServedSocket(events, this.log);
    this.sockets.push(socket);
    return {
      send: (text: string) => void socket.asked.push(JSON.parse(text) as Data),
      close: () => this.drop(socket),
    };
  };
  after = (ms: number, call: () => void) => {
    const timer = { at: this.time + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };
  pass(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.#timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.time = next.at;
      next.call();
    }
    this.time = end;
  }
  drop(socket = this.socket): void {
    if (!socket.isOpen) return;
    socket.isOpen = false;
    socket.events.onClose();
  }
  get socket(): ServedSocket {
    const newest = this.sockets.at(-1);
    if (!newest) throw new Error('no socket');
    return newest;
  }
  greet(): void {
    this.socket.say({ type: 'system_notification', data: {} });
  }
  commit(task: string): void {
    const seq = (this.#last.get(task) ?? 0) + 1;
    this.#last.set(task, seq);
    this.log.push({ task, seq, place: this.log.length });
  }
  lastOf(task: string): number {
    return this.#last.get(task) ?? 0;
  }
}

const TASKS = ['a', 'b', 'c'];
const key = (task: string, seq: number) => `${task}${seq}`;

/** What a list does: loads at a gap, adds what it hears. */
class Lists {
  known = new Set<string>();
  heard = new Set<string>();
  readonly doubled: string[] = [];
  gaps = 0;
  constructor(readonly stage: Stage) {
    this.#load();
  }
  #load(): void {
    this.heard = new Set();
    for (const one of this.stage.log) this.known.add(key(one.task, one.seq));
  }
  readonly onEvent = (one: { readonly taskId: string; readonly event: { readonly seq: number } }) => {
    const name = key(one.taskId, one.event.seq);
    if (this.heard.has(name)) this.doubled.push(name);
    this.heard.add(name);
    this.known.add(name);
  };
  readonly onGap = () => {
    this.gaps += 1;
    this.#load();
  };
}

interface Follow {
  readonly task: string;
  readonly after: number;
  readonly seen: number[];
  readonly stop: () => void;
}

function play(seed: number): void {
  const chance = chanceOf(seed);
  const stage = new Stage();
  const connection = new Connection(() => 'ws://here/ws', stage);
  const lists: Lists[] = [];
  const stops: (() => void)[] = [];
  let follows: Follow[] = [];
  const pick = () => TASKS[chance(TASKS.length)] ?? 'a';
  const done: Follow[] = [];
  connection.start();
  const moves: (() => void)[] = [
    () => stage.commit(pick()),
    () => stage.commit(pick()),
    () => stage.commit(pick()),
    () => stage.greet(),
    () => stage.greet(),
    () => stage.socket.answer(false),
    () => stage.socket.answer(false),
    () => stage.socket.answer(chance(3) === 0),
    () => void stage.socket.sendAll(),
    () => void stage.socket.sendAll(),
    () => void stage.socket.sendOwn(pick()),
    () => void stage.socket.sendOwn(pick()),
    () => stage.pass(chance(4) * 250),
    () => {
      if (chance(3) === 0) stage.drop();
    },
    () => {
      if (chance(6) === 0) connection.renew();
    },
    () => {
      if (lists.length >= 2) return;
      const list = new Lists(stage);
      lists.push(list);
      stops.push(connection.followAll(list));
    },
    () => {
      if (chance(4) > 0 || lists.length === 0) return;
      expect(lists.shift()?.doubled).toEqual([]);
      stops.shift()?.();
    },
    () => {
      const task = pick();
      const after = chance(stage.lastOf(task) + 1);
      const seen: number[] = [];
      if (follows.length < 4) follows.push({ task, after, seen, stop: connection.followTask(task, after, { onEvent: (one) => seen.push(one.event.seq) }) });
    },
    () => {
      const one = follows[chance(follows.length)];
      if (!one || chance(2) === 0) return;
      one.stop();
      done.push(one);
      follows = follows.filter((other) => other !== one);
    },
  ];
  for (let at = 0; at < 120; at += 1) moves[chance(moves.length)]?.();

  // Then the server is there and refuses nothing: everything must arrive.
  for (let round = 0; round < 4; round += 1) {
    stage.pass(31_000);
    stage.greet();
    while (stage.socket.asked.length > 0) stage.socket.answer(false);
    for (let isMore = true; isMore; ) {
      isMore = stage.socket.sendAll();
      for (const task of TASKS) isMore = stage.socket.sendOwn(task) || isMore;
      while (stage.socket.asked.length > 0) {
        stage.socket.answer(false);
        isMore = true;
      }
    }
  }
  for (const { task, after, seen } of follows) {
    expect(seen).toEqual(Array.from({ length: stage.lastOf(task) - after }, (_, at) => after + 1 + at));
    const events = (seqs: readonly number[]) => seqs.map((seq) => asEvent(raw({ task, seq }))).filter((one) => one !== null);
    const before = foldAll(events(Array.from({ length: after }, (_, at) => at + 1)));
    expect(events(seen).reduce((view, one) => fold(view, [one]), before)).toEqual(fold(EMPTY_VIEW, events(Array.from({ length: stage.lastOf(task) }, (_, at) => at + 1))));
  }
  for (const { after, seen } of done) expect(seen).toEqual(seen.map((_, at) => after + 1 + at));
  for (const list of lists) {
    expect(list.doubled).toEqual([]);
    expect(stage.log.map((one) => key(one.task, one.seq)).filter((name) => !list.known.has(name))).toEqual([]);
  }
  connection.stop();
}

describe('the connection, whatever comes in whatever order', { timeout: 300_000 }, () => {
  it('loses no event and passes none on twice, to followers of a task and of all tasks', () => {
    for (let seed = 1; seed <= 400; seed += 1) {
      try {
        play(seed);
      } catch (error) {
        throw new Error(`sequence ${seed}`, { cause: error });
      }
    }
  });

  it('has each list loaded after the confirmation, wherever sockets die before it', () => {
    for (let deaths = 0; deaths < 6; deaths += 1) {
      for (const isGreeted of [false, true]) {
        const stage = new Stage();
        const connection = new Connection(() => 'ws://here/ws', stage);
        const list = new Lists(stage);
        connection.followAll(list);
        connection.start();
        for (let at = 0; at < deaths; at += 1) {
          if (isGreeted) stage.greet();
          stage.commit('a');
          stage.drop();
          stage.pass(30_000);
        }
        stage.greet();
        stage.commit('b');
        stage.socket.answer(false);
        expect(list.gaps).toBe(1);
        expect([...list.known].sort()).toEqual(stage.log.map((one) => key(one.task, one.seq)).sort());
        connection.stop();
      }
    }
  });
});
