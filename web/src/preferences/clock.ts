/** One clock for all that shows a running time; it ticks only while somebody looks. */
import { useCallback, useSyncExternalStore } from 'react';

interface Clock {
  now: Date;
  timer: ReturnType<typeof setInterval> | null;
  readonly listeners: Set<() => void>;
}

const clocks = new Map<number, Clock>();

function clockOf(stepMs: number): Clock {
  const known = clocks.get(stepMs) ?? { now: new Date(), timer: null, listeners: new Set<() => void>() };
  clocks.set(stepMs, known);
  if (known.timer === null && stepMs > 0 && Date.now() - known.now.getTime() >= stepMs) known.now = new Date();
  return known;
}

function subscribe(stepMs: number, listener: () => void): () => void {
  const clock = clockOf(stepMs);
  clock.listeners.add(listener);
  clock.timer ??= setInterval(() => {
    clock.now = new Date();
    for (const one of [...clock.listeners]) one();
  }, stepMs);
  return () => {
    clock.listeners.delete(listener);
    if (clock.listeners.size > 0 || clock.timer === null) return;
    clearInterval(clock.timer);
    clock.timer = null;
  };
}

/** The time now, again every `stepMs`; 0 stands still. */
export function useNow(stepMs = 1000): Date {
  return useSyncExternalStore(
    useCallback((listener: () => void) => (stepMs > 0 ? subscribe(stepMs, listener) : () => undefined), [stepMs]),
    () => clockOf(stepMs).now,
  );
}
