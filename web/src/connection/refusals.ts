/**
 * What the server refused, and when it may be asked again.
 *
 * Invariant: between two askings for the same thing lies a pause that doubles with each refusal in a row, up to
 * `MAX_PAUSE_MS`, whoever asks and over any number of sockets.
 */
import { FIRST_PAUSE_MS, MAX_PAUSE_MS, pauseAfter } from './pause';
import type { World } from './world';

/** Refusals in a row from which on a person is told. */
export const TOLD_FROM = 3;
/** A thing that was not refused for so long after its pause begins anew. */
const FORGET_MS = 2 * MAX_PAUSE_MS + FIRST_PAUSE_MS;

interface Refused {
  tries: number;
  /** Not confirmed since. */
  isStanding: boolean;
  /** What happens when the pause is over; null when it is. */
  then: (() => void) | null;
  stop: () => void;
}

export class Refusals {
  readonly #world: World;
  readonly #of = new Map<string, Refused>();

  constructor(world: World) {
    this.#world = world;
  }

  /** `then` is called when it may be asked for again. */
  refuse(key: string, then: () => void): void {
    const before = this.#of.get(key);
    before?.stop();
    const tries = (before?.tries ?? 0) + 1;
    const one: Refused = { tries, isStanding: true, then, stop: this.#world.after(pauseAfter(tries, this.#world), () => this.#end(key, one)) };
    this.#of.set(key, one);
  }

  confirm(key: string): void {
    const one = this.#of.get(key);
    if (one) one.isStanding = false;
  }

  isPausing(key: string): boolean {
    return (this.#of.get(key)?.then ?? null) !== null;
  }

  /** Whether something that `isWanted` was refused so often that a person should know. */
  areTold(isWanted: (key: string) => boolean): boolean {
    return [...this.#of].some(([key, one]) => one.isStanding && one.tries >= TOLD_FROM && isWanted(key));
  }

  /** End all pauses now: a person asked. */
  hurry(): void {
    for (const [key, one] of [...this.#of]) {
      if (one.then === null) continue;
      one.stop();
      this.#end(key, one);
    }
  }

  clear(): void {
    for (const one of this.#of.values()) one.stop();
    this.#of.clear();
  }

  #end(key: string, one: Refused): void {
    const { then } = one;
    one.then = null;
    one.stop = this.#world.after(FORGET_MS, () => {
      if (this.#of.get(key) === one) this.#of.delete(key);
    });
    then?.();
  }
}
