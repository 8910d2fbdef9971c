/** Places for the nodes of a plan: layered, from left to right, reckoned beside the page in a worker. */
import ELK, { type ELK as Elk } from 'elkjs/lib/elk-api.js';
import type { PlanGraph } from './graph';

export const NODE = { width: 232, height: 54 } as const;

export interface Place {
  readonly x: number;
  readonly y: number;
}

const OPTIONS = {
  'elk.algorithm': 'layered',
  'elk.direction': 'RIGHT',
  'elk.spacing.nodeNode': '12',
  'elk.spacing.componentComponent': '24',
  'elk.layered.spacing.nodeNodeBetweenLayers': '44',
  'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
};
/** More nodes in one layer are spread over several columns, for a tower of them cannot be read. */
const MAX_IN_LAYER = 8;

let elk: Elk | null = null;

function engine(): Elk {
  elk ??= new ELK({ workerFactory: () => new Worker(new URL('./elk.worker.ts', import.meta.url), { type: 'module' }) });
  return elk;
}

/** Left upper corners by id. */
export async function placesOf(graph: PlanGraph): Promise<ReadonlyMap<string, Place>> {
  const laid = await engine().layout({
    id: 'plan',
    layoutOptions: OPTIONS,
    children: graph.nodes.map((node) => ({ id: node.subtask.id, ...NODE })),
    edges: graph.edges.map((edge) => ({ id: edge.id, sources: [edge.from], targets: [edge.to] })),
  });
  return spread(new Map((laid.children ?? []).map((child) => [child.id, { x: child.x ?? 0, y: child.y ?? 0 }])));
}

/** Columns that are too tall become several beside each other; what stands right of them moves right. */
export function spread(places: ReadonlyMap<string, Place>, max = MAX_IN_LAYER): ReadonlyMap<string, Place> {
  const columns = new Map<number, [string, Place][]>();
  for (const entry of places) columns.set(entry[1].x, [...(columns.get(entry[1].x) ?? []), entry]);
  if (![...columns.values()].some((column) => column.length > max)) return places;
  const step = { x: NODE.width + 24, y: NODE.height + 12 };
  const tallest = Math.min(max, Math.max(...[...columns.values()].map((column) => column.length)));
  const found = new Map<string, Place>();
  let left = 0;
  for (const [, column] of [...columns].sort(([a], [b]) => a - b)) {
    const sorted = column.sort(([, a], [, b]) => a.y - b.y);
    const wide = Math.ceil(sorted.length / max);
    const high = Math.ceil(sorted.length / wide);
    sorted.forEach(([id], at) => {
      const row = Math.floor(at / wide);
      found.set(id, { x: left + (at % wide) * step.x, y: (row + (tallest - high) / 2) * step.y });
    });
    left += wide * step.x + 40;
  }
  return found;
}
