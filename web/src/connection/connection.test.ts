import { describe, expect, it } from 'vitest';
import type { Data } from '@/events/event';
import { Connection, type Delivery } from './connection';
import type { SocketEvents, World } from './world';

/** A world whose sockets, clock and network the test moves by hand. */
class HandWorld implements World {
  time = 0;
  isUp = true;
  readonly urls: string[] = [];
  sockets: { sent: Data[]; events: SocketEvents; isClosed: boolean }[] = [];
  #timers: { at: number; call: () => void }[] = [];
  #wakers = new Set<() => void>();

  open = (url: string, events: SocketEvents) => {
    this.urls.push(url);
    const socket = { sent: [] as Data[], events, isClosed: false };
    this.sockets.push(socket);
    return {
      send: (text: string) => void socket.sent.push(JSON.parse(text) as Data),
      close: () => {
        if (socket.isClosed) return;
        socket.isClosed = true;
        events.onClose();
      },
    };
  };
  after = (ms: number, call: () => void) => {
    const timer = { at: this.time + ms, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };
  now = () => this.time;
  random = () => 1;
  isNetworkUp = () => this.isUp;
  onWake = (call: () => void) => {
    this.#wakers.add(call);
    return () => this.#wakers.delete(call);
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
  wake(): void {
    for (const call of this.#wakers) call();
  }
  get socket() {
    const newest = this.sockets.at(-1);
    if (!newest) throw new Error('no socket');
    return newest;
  }
  hear(frame: Data): void {
    this.socket.events.onText(JSON.stringify(frame));
  }
  greet(): void {
    this.socket.events.onOpen();
    this.hear({ type: 'system_notification', data: {} });
  }
  event(taskId: string, seq: number, more: Data = {}): void {
    const event = { seq, type: 'task.updated', at: '', agent: null, subtask_id: null, data: {} };
    this.hear({ type: 'task_update', task_id: taskId, event_id: seq, data: { id: taskId, event }, ...more });
  }
  subscriptions(): Data[] {
    return this.socket.sent.filter((one) => one['type'] === 'task_subscribe');
  }
}

function begin() {
  const world = new HandWorld();
  const connection = new Connection(() => 'ws://here/ws', world);
  connection.start();
  return { world, connection };
}

function follow(connection: Connection, after: number, taskId = 't') {
  const seen: number[] = [];
  const stop = connection.followTask(taskId, after, { onEvent: (delivery) => seen.push(delivery.event.seq) });
  return { seen, stop };
}

describe('Connection', () => {
  it('is connecting, then online with the first frame, then offline when the socket closes', () => {
    const { world, connection } = begin();
    expect(connection.status.state).toBe('connecting');
    world.greet();
    expect(connection.status.state).toBe('online');
    world.socket.events.onClose();
    expect(connection.status).toMatchObject({ state: 'offline', retryAt: 500, wasOnline: true });
  });

  it('waits twice as long after each failure, up to half a minute, and begins anew after a socket that stood', () => {
    const { world, connection } = begin();
    const pauses: number[] = [];
    for (let at = 0; at < 9; at += 1) {
      world.socket.events.onClose();
      const pause = (connection.status.retryAt ?? 0) - world.time;
      pauses.push(pause);
      world.pass(pause);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    world.greet();
    world.pass(10_000);
    world.socket.events.onClose();
    expect((connection.status.retryAt ?? 0) - world.time).toBe(500);
  });

  it('does not storm a server that greets and closes at once', () => {
    const { world, connection } = begin();
    const pauses: number[] = [];
    for (let at = 0; at < 5; at += 1) {
      world.greet();
      world.socket.events.onClose();
      const pause = (connection.status.retryAt ?? 0) - world.time;
      pauses.push(pause);
      world.pass(pause);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000]);
  });

  it('gives up a socket that is silent for longer than the heartbeat', () => {
    const { world, connection } = begin();
    world.greet();
    for (let at = 0; at < 5; at += 1) {
      world.pass(30_000);
      world.hear({ type: 'heartbeat', data: {} });
    }
    expect(connection.status.state).toBe('online');
    world.pass(45_000);
    expect(connection.status.state).toBe('offline');
  });

  it('delivers each event once and in order over reconnects, from where the follower stood', () => {
    const { world, connection } = begin();
    const { seen } = follow(connection, 3);
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe', task_id: 't', after_event_id: 3 }]);
    for (const seq of [4, 5, 5, 4, 6]) world.event('t', seq);
    world.socket.events.onClose();
    world.event('t', 7);
    world.pass(500);
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe', task_id: 't', after_event_id: 6 }]);
    for (const seq of [7, 8]) world.event('t', seq);
    expect(seen).toEqual([4, 5, 6, 7, 8]);
  });

  it('serves two followers of a task from their own places', () => {
    const { world, connection } = begin();
    world.greet();
    const late = follow(connection, 5);
    world.event('t', 6);
    const early = follow(connection, 2);
    expect(world.subscriptions().at(-1)).toEqual({ type: 'task_subscribe', task_id: 't', after_event_id: 2 });
    for (const seq of [3, 4, 5, 6, 7]) world.event('t', seq);
    expect(late.seen).toEqual([6, 7]);
    expect(early.seen).toEqual([3, 4, 5, 6, 7]);
  });

  it('asks once for what a gap hides, and goes on', () => {
    const { world, connection } = begin();
    world.greet();
    const { seen } = follow(connection, 2);
    world.event('t', 5);
    world.event('t', 6);
    expect(world.subscriptions().map((one) => one['after_event_id'])).toEqual([2, 2]);
    for (const seq of [3, 4, 5, 6]) world.event('t', seq);
    expect(seen).toEqual([3, 4, 5, 6]);
  });

  it('hears that a task was deleted although its numbers end there', () => {
    const { world, connection } = begin();
    world.greet();
    const kinds: string[] = [];
    connection.followTask('t', 2, { onEvent: (delivery) => kinds.push(delivery.type) });
    world.event('t', 9, { type: 'task_deleted' });
    expect(kinds).toEqual(['task_deleted']);
  });

  it('comes back to all tasks with the cursor of the last frame, and passes nothing on twice', () => {
    const { world, connection } = begin();
    const seen: string[] = [];
    connection.followAll({ onEvent: (one: Delivery) => seen.push(`${one.taskId}${one.event.seq}`), onGap: () => seen.push('gap') });
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe' }]);
    world.hear({ type: 'task_subscription_confirmed', cursor: '0.1', data: {} });
    world.event('a', 1, { cursor: '0.2' });
    world.event('b', 1, { cursor: '0.3' });
    world.socket.events.onClose();
    world.pass(500);
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe', cursor: '0.3' }]);
    world.event('b', 1, { cursor: '0.3' });
    world.event('a', 2, { cursor: '0.4' });
    expect(seen).toEqual(['gap', 'a1', 'b1', 'a2']);
  });

  it('tells followers of all tasks when their place is gone, once a new one is confirmed', () => {
    const { world, connection } = begin();
    let gaps = 0;
    connection.followAll({ onEvent: () => undefined, onGap: () => (gaps += 1) });
    world.greet();
    world.hear({ type: 'task_subscription_confirmed', cursor: '0.1', data: {} });
    expect(gaps).toBe(1);
    world.socket.events.onClose();
    world.pass(500);
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe', cursor: '0.1' }]);
    world.hear({ type: 'error', error: true, error_code: 'INVALID_REQUEST', message: '', task_id: null });
    expect(world.subscriptions()).toHaveLength(1);
    world.pass(500);
    expect(world.subscriptions().at(-1)).toEqual({ type: 'task_subscribe' });
    expect(gaps).toBe(1);
    world.hear({ type: 'task_subscription_confirmed', cursor: '0.9', data: {} });
    expect(gaps).toBe(2);
  });

  it('has the list loaded after the confirmation when the first socket died before it', () => {
    const { world, connection } = begin();
    const told: string[] = [];
    connection.followAll({ onEvent: (one) => told.push(one.taskId), onGap: () => told.push('gap') });
    world.greet();
    world.socket.events.onClose();
    world.pass(500);
    world.greet();
    expect(told).toEqual([]);
    world.hear({ type: 'task_subscription_confirmed', cursor: '0.4', data: {} });
    world.event('a', 1, { cursor: '0.5' });
    expect(told).toEqual(['gap', 'a']);
  });

  it('tells a follower whose task cannot be followed', () => {
    const { world, connection } = begin();
    world.greet();
    const codes: (string | null)[] = [];
    connection.followTask('t', 2, { onEvent: () => undefined, onRefused: (refusal) => codes.push(refusal.code) });
    world.hear({ type: 'error', error: true, error_code: 'EVENTS_GONE', message: '', task_id: 't' });
    world.pass(500);
    expect(codes).toEqual(['EVENTS_GONE']);
    expect(world.subscriptions()).toHaveLength(1);
  });

  it('asks a server that refuses after ever longer pauses, says so from the third time on, and stops when it is confirmed', () => {
    const { world, connection } = begin();
    world.greet();
    let stop = () => undefined as void;
    const begun = () => {
      stop();
      stop = connection.followTask('t', 2, { onEvent: () => undefined, onRefused: begun });
    };
    begun();
    const pauses: number[] = [];
    const shown: boolean[] = [];
    for (let at = 0; at < 9; at += 1) {
      const before = world.subscriptions().length;
      world.hear({ type: 'error', error: true, error_code: 'EVENTS_GONE', message: '', task_id: 't' });
      shown.push(connection.status.isRefused);
      const from = world.time;
      while (world.subscriptions().length === before) {
        world.pass(250);
        if ((world.time - from) % 20_000 === 0) world.hear({ type: 'heartbeat', data: {} });
      }
      pauses.push(world.time - from);
    }
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(shown).toEqual([false, false, true, true, true, true, true, true, true]);
    world.hear({ type: 'task_subscription_confirmed', task_id: 't', data: {} });
    expect(connection.status.isRefused).toBe(false);
  });

  it('asks again from the same place when the refusal passes, at once if a person wants', () => {
    const { world, connection } = begin();
    world.greet();
    const { seen } = follow(connection, 2);
    world.hear({ type: 'error', error: true, error_code: 'DEPENDENCY_UNAVAILABLE', message: '', task_id: 't' });
    expect(world.subscriptions()).toHaveLength(1);
    connection.retryNow();
    expect(world.subscriptions().map((one) => one['after_event_id'])).toEqual([2, 2]);
    world.event('t', 3);
    expect(seen).toEqual([3]);
  });

  it('takes a new socket with a new address, and goes on where it stood', () => {
    const world = new HandWorld();
    let language = 'zh';
    const connection = new Connection(() => `ws://here/ws?language=${language}`, world);
    connection.start();
    world.greet();
    follow(connection, 3);
    world.event('t', 4);
    language = 'en';
    connection.renew();
    expect(world.urls).toEqual(['ws://here/ws?language=zh', 'ws://here/ws?language=en']);
    world.greet();
    expect(world.subscriptions()).toEqual([{ type: 'task_subscribe', task_id: 't', after_event_id: 4 }]);
  });

  it('stays quiet without a network and connects the moment it is back', () => {
    const { world, connection } = begin();
    world.greet();
    world.isUp = false;
    world.wake();
    expect(connection.status).toMatchObject({ state: 'offline', retryAt: null });
    world.pass(120_000);
    expect(world.sockets).toHaveLength(1);
    world.isUp = true;
    world.wake();
    expect(world.sockets).toHaveLength(2);
    expect(connection.status.state).toBe('connecting');
  });

  it('asks a server it has not looked at for a while whether it is there', () => {
    const { world, connection } = begin();
    world.greet();
    world.wake();
    expect(world.socket.sent.at(-1)).toEqual({ type: 'ping' });
    world.pass(5000);
    expect(connection.status.state).toBe('offline');
  });

  it('passes on chat and agents, and gives a late follower the list that is known', () => {
    const { world, connection } = begin();
    const heard: unknown[] = [];
    connection.followChat((data) => heard.push(data['content']));
    connection.followAgents({ onSnapshot: (agents) => heard.push(agents.length), onAgent: (agent) => heard.push(agent['name']) });
    world.greet();
    expect(world.socket.sent.map((one) => one['type'])).toEqual(['chat_subscribe', 'agent_subscribe']);
    world.hear({ type: 'agent_subscription_confirmed', data: { agents: [{ name: 'a' }] } });
    world.hear({ type: 'chat_message', data: { content: 'hello' } });
    world.hear({ type: 'agent_status', data: { name: 'a' } });
    connection.followAgents({ onSnapshot: (agents) => heard.push(agents), onAgent: () => undefined });
    expect(heard).toEqual([1, 'hello', 'a', [{ name: 'a' }]]);
  });

  it('takes a new socket when it has left many tasks behind', () => {
    const { world, connection } = begin();
    world.greet();
    for (let at = 0; at < 30; at += 1) follow(connection, 0, `t${at}`).stop();
    expect(world.sockets).toHaveLength(2);
  });
});
