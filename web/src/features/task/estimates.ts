/** What finished subtasks tell about the rest. Pure; nothing is guessed where too little is known. */
import type { Status } from '@/events/status';

export interface Work {
  readonly id: string;
  readonly agent: string;
  readonly status: Status;
  readonly dependsOn: readonly string[];
  readonly startedAt: string | null;
  readonly durationS: number | null;
  readonly isReused: boolean;
}

/** Below this number of finished subtasks nothing is said about the rest. */
export const MIN_FINISHED = 2;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2;
}

/** Seconds that a subtask of an agent took so far (median), of any agent where that one finished none; null: unknown. */
export function typicalDuration(subtasks: readonly Work[]): (agent: string) => number | null {
  const byAgent = new Map<string, number[]>();
  const all: number[] = [];
  for (const one of subtasks) {
    if (one.status !== 'completed' || one.isReused || one.durationS === null) continue;
    all.push(one.durationS);
    byAgent.set(one.agent, [...(byAgent.get(one.agent) ?? []), one.durationS]);
  }
  if (all.length < MIN_FINISHED) return () => null;
  return (agent) => median(byAgent.get(agent) ?? all);
}

function secondsSince(at: string | null, now: Date): number {
  return at === null ? 0 : Math.max(0, (now.getTime() - new Date(at).getTime()) / 1000);
}

/** The chain with the largest sum, from its first to its last id. Cycles end where they close. */
export function heaviestChain(
  nodes: readonly { readonly id: string; readonly dependsOn: readonly string[] }[],
  weightOf: (id: string) => number,
): { readonly ids: readonly string[]; readonly sum: number } {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const best = new Map<string, { sum: number; before: string | null }>();
  const open = new Set<string>();
  const visit = (id: string): number => {
    const known = best.get(id);
    if (known) return known.sum;
    const node = byId.get(id);
    if (!node || open.has(id)) return 0;
    open.add(id);
    let sum = 0;
    let before: string | null = null;
    for (const parent of node.dependsOn) {
      if (!byId.has(parent)) continue;
      const found = visit(parent);
      if (before === null || found > sum) [sum, before] = [found, parent];
    }
    open.delete(id);
    best.set(id, { sum: sum + weightOf(id), before });
    return sum + weightOf(id);
  };
  let last: string | null = null;
  let sum = 0;
  for (const node of nodes) {
    const found = visit(node.id);
    if (last === null || found > sum) [sum, last] = [found, node.id];
  }
  const ids: string[] = [];
  for (let at = last; at !== null && !ids.includes(at); at = best.get(at)?.before ?? null) ids.unshift(at);
  return { ids, sum };
}

/**
 * Seconds until the last subtask ends if all take as long as those that finished; null where that cannot be said:
 * the task is not at work, too few have finished, or one takes longer than its like.
 */
export function remainingSeconds(status: Status, subtasks: readonly Work[], now: Date): number | null {
  if (status !== 'running') return null;
  const typical = typicalDuration(subtasks);
  const left = new Map<string, number>();
  for (const one of subtasks) {
    if (one.status === 'completed' || one.status === 'failed' || one.status === 'cancelled') {
      left.set(one.id, 0);
      continue;
    }
    const expected = typical(one.agent);
    if (expected === null) return null;
    const rest = one.status === 'running' ? expected - secondsSince(one.startedAt, now) : expected;
    if (rest <= 0) return null;
    left.set(one.id, rest);
  }
  const { sum } = heaviestChain(subtasks, (id) => left.get(id) ?? 0);
  return sum > 0 ? sum : null;
}

/** Of work that took no time to speak of, so that of two equal paths the longer one decides. */
const MIN_WEIGHT = 0.001;

/** Ids on the path that decides when the task ends; empty where every subtask stands alone. */
export function criticalPath(subtasks: readonly Work[]): ReadonlySet<string> {
  if (!subtasks.some((one) => one.dependsOn.length > 0)) return new Set();
  const typical = typicalDuration(subtasks);
  const weights = new Map(subtasks.map((one) => [one.id, Math.max(MIN_WEIGHT, one.durationS ?? typical(one.agent) ?? 1)]));
  const { ids } = heaviestChain(subtasks, (id) => weights.get(id) ?? 1);
  return new Set(ids.length > 1 ? ids : []);
}
