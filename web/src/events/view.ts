/** What a task's log says: the shapes that `fold` makes and the pages draw. All of it is immutable. */
import type { Data } from './event';
import type { Status } from './status';

export interface EventError {
  readonly code: string;
  /** In the person's language where the API gave words. */
  readonly title: string;
  readonly detail: string;
  readonly hint: string;
}

export interface PlanNode {
  readonly id: string;
  readonly title: string;
  readonly agent: string;
  readonly dependsOn: readonly string[];
}

export interface PlanRevision {
  readonly revision: number;
  readonly reason: string;
  readonly count: number;
  readonly at: string;
  readonly seq: number;
  /** null: the plan was too large for its event; `GET …/plan` has it, see `withPlan`. */
  readonly nodes: readonly PlanNode[] | null;
}

export interface Attempt {
  readonly attempt: number;
  readonly run: string;
  readonly agent: string;
  readonly status: Status;
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly durationS: number | null;
  readonly error: EventError | null;
}

export interface SubtaskView extends PlanNode {
  readonly status: Status;
  readonly attempts: readonly Attempt[];
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly durationS: number | null;
  readonly summary: string;
  readonly findings: number;
  readonly passages: number;
  /** Its result was kept from an earlier generation. */
  readonly isReused: boolean;
  readonly error: EventError | null;
  readonly tokens: number;
  readonly cost: number;
}

/** A tool or model call, an artifact or a verdict inside a step. */
export interface Part {
  readonly seq: number;
  readonly kind: 'tool' | 'model' | 'artifact' | 'verdict' | 'other';
  readonly at: string;
  readonly type: string;
  readonly agent: string | null;
  readonly data: Data;
}

/** One folded line of the timeline. `key` never changes, so a row keeps its place and its open state. */
export interface Entry {
  readonly key: string;
  readonly seq: number;
  readonly kind: 'task' | 'plan' | 'subtask' | 'recovery' | 'review' | 'calls';
  /** Of `task` entries: submitted, started, resumed, answered, completed_by, …; of `recovery`: the decision. */
  readonly word: string;
  readonly status: Status;
  readonly at: string;
  readonly endedAt: string | null;
  readonly agent: string | null;
  readonly subtaskId: string | null;
  readonly attempt: number;
  readonly said: string;
  readonly durationS: number | null;
  readonly error: EventError | null;
  readonly data: Data;
  readonly parts: readonly Part[];
}

export interface Question {
  readonly id: string;
  readonly kind: string;
  readonly text: string;
  readonly options: readonly string[];
  readonly data: Data;
}

export interface ArtifactView {
  readonly name: string;
  readonly kind: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly agent: string | null;
  readonly subtaskId: string | null;
  readonly at: string;
}

export interface VerdictView {
  readonly subtaskId: string | null;
  readonly criterion: string;
  /** null: could not be checked. */
  readonly passed: boolean | null;
  readonly reason: string;
  readonly agent: string | null;
  readonly at: string;
}

export interface ReviewView {
  readonly revision: number;
  readonly criteria: number;
  readonly passed: number;
  readonly unchecked: number;
  readonly at: string;
}

export interface Spending {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** In the currency of the server's settings. */
  readonly cost: number;
  readonly modelCalls: number;
  readonly toolCalls: number;
}

export interface RunView {
  readonly run: string;
  readonly epoch: number;
  readonly generation: number;
  readonly worker: string;
  readonly at: string;
}

export interface TaskView {
  /** The last event folded in; 0 for none. */
  readonly seq: number;
  readonly status: Status;
  readonly isDeleted: boolean;
  /** Retention took events before `seq`: this began with the task itself, see `snapshot`. */
  readonly isLogGone: boolean;
  readonly title: string;
  readonly team: string;
  readonly files: readonly string[];
  readonly submittedAt: string | null;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly plans: readonly PlanRevision[];
  /** Nodes of the newest plan, in plan order. */
  readonly subtasks: readonly SubtaskView[];
  /** Subtasks of any revision by id: failed parts that a repair replaced stay readable here. */
  readonly subtaskById: ReadonlyMap<string, SubtaskView>;
  readonly entries: readonly Entry[];
  /** Open ones only. */
  readonly questions: readonly Question[];
  /** The wait is told without its questions; `GET …/tasks/{id}/questions` has them. */
  readonly areQuestionsShortened: boolean;
  readonly artifacts: readonly ArtifactView[];
  readonly verdicts: readonly VerdictView[];
  readonly review: ReviewView | null;
  readonly spending: Spending;
  readonly runs: readonly RunView[];
  readonly error: EventError | null;
}

export const EMPTY_VIEW: TaskView = {
  seq: 0,
  status: 'pending',
  isDeleted: false,
  isLogGone: false,
  title: '',
  team: '',
  files: [],
  submittedAt: null,
  startedAt: null,
  endedAt: null,
  plans: [],
  subtasks: [],
  subtaskById: new Map(),
  entries: [],
  questions: [],
  areQuestionsShortened: false,
  artifacts: [],
  verdicts: [],
  review: null,
  spending: { inputTokens: 0, outputTokens: 0, cost: 0, modelCalls: 0, toolCalls: 0 },
  runs: [],
  error: null,
};
