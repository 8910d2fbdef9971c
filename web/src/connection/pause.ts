/** How long to wait before the next attempt: twice as long each time, bounded, spread so that tabs do not come together. */
import type { World } from './world';

export const FIRST_PAUSE_MS = 500;
export const MAX_PAUSE_MS = 30_000;

/** The pause after the `losses`-th failure in a row, counted from 1. */
export function pauseAfter(losses: number, world: Pick<World, 'random'>): number {
  return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(10, losses - 1)) * (0.5 + world.random() / 2);
}
