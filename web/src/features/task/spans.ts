/** The time line of a task as rows of bars. Pure. */

export interface SpanLike {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly start: string;
  readonly end: string | null;
  readonly status: string;
  readonly parent: string | null;
  readonly agent: string | null;
  readonly subtask_id: string | null;
}

export interface Bar<S extends SpanLike = SpanLike> {
  readonly span: S;
  readonly depth: number;
  readonly childCount: number;
  /** Shares of the whole width, 0 to 1. */
  readonly left: number;
  readonly width: number;
  readonly durationS: number;
  readonly isOpen: boolean;
}

export interface Chart<S extends SpanLike = SpanLike> {
  readonly bars: readonly Bar<S>[];
  readonly startMs: number;
  readonly totalS: number;
}

/** Without attempts that are the only one of their subtask: they say the same; what is inside moves up. */
export function withoutSoleAttempts<S extends SpanLike>(spans: readonly S[]): readonly S[] {
  const attempts = new Map<string, number>();
  for (const one of spans) if (one.kind === 'attempt' && one.parent !== null) attempts.set(one.parent, (attempts.get(one.parent) ?? 0) + 1);
  const gone = new Map(
    spans.flatMap((one) => (one.kind === 'attempt' && one.parent !== null && attempts.get(one.parent) === 1 ? [[one.id, one.parent] as const] : [])),
  );
  return spans
    .filter((one) => !gone.has(one.id))
    .map((one) => (one.parent !== null && gone.has(one.parent) ? { ...one, parent: gone.get(one.parent) ?? null } : one));
}

/** Rows in the order of a tree, parents first; what is `folded` hides its children. What goes on reaches to `now`. */
export function chartOf<S extends SpanLike>(spans: readonly S[], now: Date, folded: ReadonlySet<string> = new Set()): Chart<S> {
  const ids = new Set(spans.map((one) => one.id));
  const children = new Map<string | null, S[]>();
  let first = Infinity;
  let last = -Infinity;
  for (const span of spans) {
    const parent = span.parent !== null && ids.has(span.parent) && span.parent !== span.id ? span.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), span]);
    first = Math.min(first, Date.parse(span.start));
    last = Math.max(last, span.end === null ? now.getTime() : Date.parse(span.end));
  }
  if (spans.length === 0) return { bars: [], startMs: 0, totalS: 0 };
  const total = Math.max(1, last - first);
  const bars: Bar<S>[] = [];
  const seen = new Set<string>();
  const add = (span: S, depth: number) => {
    if (seen.has(span.id)) return;
    seen.add(span.id);
    const start = Date.parse(span.start);
    const end = Math.max(start, span.end === null ? now.getTime() : Date.parse(span.end));
    const inside = children.get(span.id) ?? [];
    bars.push({
      span,
      depth,
      childCount: inside.length,
      left: (start - first) / total,
      width: (end - start) / total,
      durationS: (end - start) / 1000,
      isOpen: span.end === null,
    });
    if (!folded.has(span.id)) for (const one of inside) add(one, depth + 1);
  };
  for (const span of children.get(null) ?? []) add(span, 0);
  return { bars, startMs: first, totalS: total / 1000 };
}

const STEPS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400];

/** Seconds at which the axis has its marks: round ones, at most `max`. */
export function ticksOf(totalS: number, max = 6): readonly number[] {
  const step = STEPS.find((one) => totalS / one <= max) ?? Math.ceil(totalS / max / 86_400) * 86_400;
  const ticks: number[] = [];
  for (let at = 0; at <= totalS * (1 + 1e-9); at += step) ticks.push(Number(at.toFixed(1)));
  return ticks;
}
