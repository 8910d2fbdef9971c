/** The plan as a graph: the nodes of a revision, and beside each repair the failed part that it replaces. Pure. */
import { newSubtask } from '@/events/draft';
import { list } from '@/events/event';
import type { PlanRevision, SubtaskView, TaskView } from '@/events/view';
import { criticalPath } from '../estimates';

export interface GraphNode {
  readonly subtask: SubtaskView;
  readonly isCritical: boolean;
  /** A part of an earlier revision that failed and is not in this one. */
  readonly isReplaced: boolean;
  /** Nothing stands in its place: the work went on without it. */
  readonly isDropped: boolean;
  /** What this one does again, if it is a repair. */
  readonly repairs: string | null;
}

export interface GraphEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly kind: 'needs' | 'repairs';
  readonly isCritical: boolean;
}

export interface PlanGraph {
  readonly revision: PlanRevision;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const ROUND = /-r\d+$/;

function lineage(id: string): string {
  return id.replace(ROUND, '');
}

/** The revision to show: the one asked for if there is one, else the newest. */
export function revisionOf(view: TaskView, wanted: number | undefined): PlanRevision | null {
  return view.plans.find((one) => one.revision === wanted) ?? view.plans.at(-1) ?? null;
}

/** Subtasks that failed, or whose result the review did not accept. */
function failedParts(view: TaskView): ReadonlySet<string> {
  return new Set([
    ...[...view.subtaskById.values()].filter((one) => one.status === 'failed').map((one) => one.id),
    ...view.verdicts.filter((one) => one.passed === false).map((one) => one.subtaskId ?? ''),
    ...view.entries
      .filter((entry) => entry.kind === 'review')
      .flatMap((entry) => list(entry.data['failed']).map((one) => String(one['subtask_id']))),
  ]);
}

/** Parts of earlier revisions that failed and are gone, by id, each with the part that does them again (or null). */
export function replacedBy(view: TaskView, revision: PlanRevision): ReadonlyMap<string, string | null> {
  const now = new Set((revision.nodes ?? []).map((one) => one.id));
  const failed = failedParts(view);
  const found = new Map<string, string | null>();
  for (const plan of view.plans) {
    if (plan.revision >= revision.revision) continue;
    for (const node of plan.nodes ?? []) {
      if (now.has(node.id) || !failed.has(node.id)) continue;
      const isAgain = (other: { id: string; title: string; agent: string }) =>
        lineage(other.id) === lineage(node.id) || (other.title === node.title && other.agent === node.agent);
      found.set(node.id, (revision.nodes ?? []).find(isAgain)?.id ?? null);
    }
  }
  return found;
}

export function graphOf(view: TaskView, wanted: number | undefined): PlanGraph | null {
  const revision = revisionOf(view, wanted);
  if (revision === null || revision.nodes === null) return null;
  const isNewest = revision === view.plans.at(-1);
  const subtasks = revision.nodes.map((node): SubtaskView => {
    const known = view.subtaskById.get(node.id);
    return known ? { ...known, dependsOn: node.dependsOn } : newSubtask(node);
  });
  const critical = criticalPath(subtasks);
  const replaced = isNewest || revision.revision > 1 ? replacedBy(view, revision) : new Map<string, string | null>();
  const repairs = new Map([...replaced].flatMap(([from, to]) => (to === null ? [] : [[to, from] as const])));
  const ids = new Set(subtasks.map((one) => one.id));
  const old = [...replaced.keys()].flatMap((id) => {
    const subtask = view.subtaskById.get(id);
    return subtask ? [subtask] : [];
  });
  const nodes: GraphNode[] = [
    ...subtasks.map((subtask) => ({
      subtask,
      isCritical: critical.has(subtask.id),
      isReplaced: false,
      isDropped: false,
      repairs: repairs.get(subtask.id) ?? null,
    })),
    ...old.map((subtask) => ({ subtask, isCritical: false, isReplaced: true, isDropped: replaced.get(subtask.id) === null, repairs: null })),
  ];
  const needs = subtasks.flatMap((to) =>
    to.dependsOn
      .filter((from) => ids.has(from))
      .map((from): GraphEdge => ({
        id: `${from}>${to.id}`,
        from,
        to: to.id,
        kind: 'needs',
        isCritical: critical.has(from) && critical.has(to.id),
      })),
  );
  const again = [...replaced].flatMap(([from, to]): GraphEdge[] =>
    to === null ? [] : [{ id: `${from}~${to}`, from, to, kind: 'repairs', isCritical: false }],
  );
  return { revision, nodes, edges: [...needs, ...again] };
}

/** Changes only when the drawing must be laid out anew. */
export function shapeOf(graph: PlanGraph): string {
  return [...graph.nodes.map((one) => one.subtask.id), '|', ...graph.edges.map((one) => one.id)].join('\n');
}
