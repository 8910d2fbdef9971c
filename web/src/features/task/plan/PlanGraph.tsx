/** The plan as a drawing. Loaded when it is first shown; places come from a worker. */
import {
  BaseEdge,
  getBezierPath,
  Handle,
  MiniMap,
  Position,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type Edge,
  type EdgeProps,
  type Node,
  type NodeProps,
} from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { Maximize, Minus, Plus } from 'lucide-react';
import { createContext, memo, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { useWords } from '@/i18n/words';
import { cx, Duration, ErrorNote, IconButton, StatusMark } from '@/parts';
import { words } from '../words';
import { shapeOf, type GraphNode, type PlanGraph as Graph } from './graph';
import { NODE, placesOf, type Place } from './layout';
import './plan.css';

interface Choice {
  readonly selected: string | undefined;
  readonly onSelect: (id: string | undefined) => void;
  readonly nameOf: (agent: string | null) => string;
}

const ChoiceContext = createContext<Choice>({ selected: undefined, onSelect: () => undefined, nameOf: (agent) => agent ?? '' });

type PlanNode = Node<{ readonly node: GraphNode }, 'subtask'>;
type PlanEdge = Edge<{ readonly isCritical: boolean; readonly isRepair: boolean }, 'plan'>;

const FAR = 0.62;

function PlanNodeBox({ data }: NodeProps<PlanNode>) {
  const say = useWords(words);
  const { selected, onSelect, nameOf } = useContext(ChoiceContext);
  const isFar = useStore((state) => state.transform[2] < FAR);
  const { subtask, isCritical, isReplaced, isDropped, repairs } = data.node;
  const isSelected = selected === subtask.id;
  const attempts = subtask.attempts.at(-1)?.attempt ?? 0;
  const isLive = subtask.status === 'running';
  const note = isReplaced
    ? say(isDropped ? 'node.dropped' : 'node.replaced')
    : repairs !== null
      ? say('node.repair')
      : subtask.isReused
        ? say('node.reused')
        : attempts > 1
          ? say('node.attempts', { n: attempts })
          : '';
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        data-subtask={subtask.id}
        data-far={isFar || undefined}
        aria-pressed={isSelected}
        title={subtask.title}
        onClick={() => onSelect(isSelected ? undefined : subtask.id)}
        className={cx(
          'plan-node nodrag flex h-[54px] w-[232px] flex-col justify-center gap-0.5 overflow-hidden rounded-card border bg-surface px-3 text-left',
          isSelected ? 'border-accent ring-2 ring-accent/35' : isReplaced ? 'border-dashed border-red/70' : isCritical ? 'border-line-strong' : 'border-line',
          isCritical && !isReplaced && 'border-[1.5px]',
          isLive && 'bg-blue-tint',
          subtask.status === 'waiting_input' && 'bg-amber-tint',
          subtask.status === 'failed' && 'bg-red-tint',
          subtask.status === 'pending' && 'text-muted',
        )}
      >
        <span className="flex w-full min-w-0 items-center gap-2">
          <StatusMark status={isReplaced ? 'failed' : subtask.status} size={isFar ? 22 : 14} />
          <span className={cx('plan-title min-w-0 flex-1 font-medium', isFar ? 'line-clamp-2 text-[20px] leading-[1.1]' : 'truncate')}>{subtask.title}</span>
        </span>
        {!isFar && (
          <span className="flex w-full min-w-0 items-center gap-2 pl-[22px] text-xs text-muted">
            <span className="min-w-0 flex-1 truncate">{nameOf(subtask.agent)}</span>
            {note !== '' && <span className={cx('shrink-0', isReplaced && 'text-red', repairs !== null && 'text-accent')}>{note}</span>}
            {(isLive || subtask.durationS !== null) && (
              <Duration seconds={subtask.durationS} since={isLive ? subtask.startedAt : null} className="shrink-0 whitespace-nowrap" />
            )}
          </span>
        )}
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}

function PlanEdgeLine({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, data }: EdgeProps<PlanEdge>) {
  const [path] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition });
  return <BaseEdge id={id} path={path} className={cx('plan-edge', data?.isCritical === true && 'is-critical', data?.isRepair === true && 'is-repair')} />;
}

const NODE_TYPES = { subtask: memo(PlanNodeBox) };
const EDGE_TYPES = { plan: memo(PlanEdgeLine) };
const FIT = { padding: 0.06, minZoom: 0.3, maxZoom: 1 };
const STATUS_FILL = {
  pending: 'var(--line-strong)',
  running: 'var(--blue)',
  waiting_input: 'var(--amber)',
  paused: 'var(--grey)',
  completed: 'var(--green)',
  failed: 'var(--red)',
  cancelled: 'var(--grey)',
} as const;
const MANY = 10;
/** So many do not fit in a readable size: the ones at work come into view first. */
const TOO_MANY = 24;

function Zoom() {
  const say = useWords(words);
  const flow = useReactFlow();
  return (
    <div className="absolute right-2 bottom-2 z-5 flex rounded-control border border-line bg-surface">
      <IconButton size="small" label={say('plan.zoomOut')} icon={<Minus size={15} aria-hidden />} onClick={() => void flow.zoomOut()} />
      <IconButton size="small" label={say('plan.zoomIn')} icon={<Plus size={15} aria-hidden />} onClick={() => void flow.zoomIn()} />
      <IconButton size="small" label={say('plan.fit')} icon={<Maximize size={14} aria-hidden />} onClick={() => void flow.fitView({ ...FIT, minZoom: 0.1 })} />
    </div>
  );
}

function Refit({ shape, first }: { readonly shape: string; readonly first: readonly string[] }) {
  const flow = useReactFlow();
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  const start = useRef(first);
  start.current = first;
  useEffect(() => {
    if (width === 0 || height === 0) return;
    void flow.fitView(start.current.length === 0 ? FIT : { ...FIT, minZoom: 0.42, maxZoom: FAR, nodes: start.current.map((id) => ({ id })) });
  }, [flow, shape, width, height]);
  return null;
}

interface PlanGraphProps extends Choice {
  readonly graph: Graph;
  readonly label: string;
}

function Drawing({ graph, label, selected, onSelect, nameOf }: PlanGraphProps) {
  const say = useWords(words);
  const shape = shapeOf(graph);
  const [laid, setLaid] = useState<{ readonly shape: string; readonly places: ReadonlyMap<string, Place> } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isGone = false;
    placesOf(graph).then(
      (places) => {
        if (!isGone) setLaid({ shape, places });
      },
      (cause: unknown) => {
        if (!isGone) setError(cause);
      },
    );
    return () => {
      isGone = true;
    };
    // The drawing is laid out anew only when its shape is another.
  }, [shape, round]);
  const choice = useMemo(() => ({ selected, onSelect, nameOf }), [selected, onSelect, nameOf]);
  const places = laid?.places;
  const nodes = useMemo(
    () =>
      graph.nodes.flatMap((node): PlanNode[] => {
        const place = places?.get(node.subtask.id);
        return place
          ? [{ id: node.subtask.id, type: 'subtask', position: place, data: { node }, width: NODE.width, height: NODE.height, focusable: false }]
          : [];
      }),
    [graph, places],
  );
  const edges = useMemo(
    () =>
      graph.edges.map((edge): PlanEdge => ({
        id: edge.id,
        type: 'plan',
        source: edge.from,
        target: edge.to,
        data: { isCritical: edge.isCritical, isRepair: edge.kind === 'repairs' },
        focusable: false,
        ariaLabel: `${edge.from} → ${edge.to}`,
      })),
    [graph],
  );
  if (error !== null) {
    return (
      <ErrorNote
        error={error}
        className="m-4"
        onRetry={() => {
          setError(null);
          setRound(round + 1);
        }}
      />
    );
  }
  if (laid === null) {
    return (
      <div role="status" aria-busy="true" className="grid h-full place-items-center text-sm text-muted">
        {say('plan.loading')}
      </div>
    );
  }
  return (
    <ChoiceContext value={choice}>
      <ReactFlow
        aria-label={label}
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        nodesDraggable={false}
        nodesConnectable={false}
        nodesFocusable={false}
        edgesFocusable={false}
        elementsSelectable={false}
        disableKeyboardA11y
        zoomOnDoubleClick={false}
        preventScrolling
        minZoom={0.1}
        maxZoom={1.75}
        fitView
        fitViewOptions={FIT}
        proOptions={{ hideAttribution: true }}
        onPaneClick={() => onSelect(undefined)}
      >
        {graph.nodes.length > MANY && (
          <MiniMap<PlanNode>
            ariaLabel={null}
            pannable
            zoomable
            position="bottom-left"
            className="plan-map"
            nodeColor={({ data: { node } }) => STATUS_FILL[node.isReplaced ? 'failed' : node.subtask.status]}
            nodeStrokeWidth={0}
            nodeBorderRadius={12}
            maskColor="color-mix(in srgb, var(--bg) 70%, transparent)"
            bgColor="var(--surface)"
          />
        )}
        <Zoom />
        <Refit shape={laid.shape} first={graph.nodes.length > TOO_MANY ? graph.nodes.filter((one) => one.subtask.status === 'running').map((one) => one.subtask.id) : []} />
      </ReactFlow>
    </ChoiceContext>
  );
}

export default function PlanGraph(props: PlanGraphProps) {
  return (
    <ReactFlowProvider>
      <Drawing {...props} />
    </ReactFlowProvider>
  );
}
