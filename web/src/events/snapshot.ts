/**
 * A task's picture where retention has taken its log: what the task itself still says. Pure.
 *
 * Its steps are not made up: there is no plan and no timeline, and `isLogGone` says why.
 */
import { statusOf } from './status';
import { EMPTY_VIEW, type EventError, type TaskView } from './view';

/** What is needed of `GET /api/v1/tasks/{id}`. */
interface KeptTask {
  readonly title: string;
  readonly team: string;
  readonly status: string;
  readonly files: readonly { readonly name: string }[];
  readonly created_at: string;
  readonly started_at: string | null;
  readonly completed_at: string | null;
  readonly cost: { readonly input_tokens: number; readonly output_tokens: number; readonly cost: number; readonly model_calls: number };
  readonly error: EventError | null;
  readonly last_seq: number;
}

export function viewOfTask(task: KeptTask): TaskView {
  const { cost, error } = task;
  return {
    ...EMPTY_VIEW,
    seq: task.last_seq,
    isLogGone: true,
    status: statusOf(task.status),
    title: task.title,
    team: task.team,
    files: task.files.map((one) => one.name),
    submittedAt: task.created_at,
    startedAt: task.started_at,
    endedAt: task.completed_at,
    spending: { inputTokens: cost.input_tokens, outputTokens: cost.output_tokens, cost: cost.cost, modelCalls: cost.model_calls, toolCalls: 0 },
    error: error === null ? null : { code: error.code, title: error.title, detail: error.detail, hint: error.hint },
  };
}
