/** Shows a problem: what happened, what it means, what to do. */
import { RotateCw } from 'lucide-react';
import { asProblem, type ApiProblem } from '@/api/problem';
import { known, sayNow, useWords } from '@/i18n/words';
import { Button } from './Button';
import { cx } from './classes';
import { StatusMark } from './StatusMark';
import { words } from './words';

export interface Explanation {
  /** What happened. */
  readonly title: string;
  /** What it means; empty where the title says all. */
  readonly detail: string;
  readonly toDo: string;
}

/** The server's own words where it gave them, else ours by code or status. */
export function explain(problem: ApiProblem): Explanation {
  const isOurs = problem.status === 0 || problem.code === 'UNREADABLE_ANSWER';
  const ofCode = (part: string) => known(words, `error.${problem.code}.${part}`, '', { message: problem.message });
  const title = isOurs ? ofCode('title') : problem.title || problem.message;
  const detail = isOurs ? ofCode('detail') : problem.title ? problem.message : '';
  const ofStatus = known(words, `error.${problem.status}.do`, '');
  const toDo = [
    problem.hint || ofCode('do') || ofStatus || sayNow(words, 'error.unknown.do'),
    problem.retryAfter !== null && problem.retryAfter > 0 ? sayNow(words, 'error.retryAfter', { seconds: problem.retryAfter }) : '',
  ];
  return {
    title: title || sayNow(words, 'error.unknown.title'),
    detail: detail === title ? '' : detail,
    toDo: toDo.filter(Boolean).join(' '),
  };
}

interface ErrorNoteProps {
  readonly error: unknown;
  readonly onRetry?: (() => void) | undefined;
  /** A line among others rather than a block of its own. */
  readonly isCompact?: boolean;
  readonly className?: string;
}

export function ErrorNote({ error, onRetry, isCompact = false, className }: ErrorNoteProps) {
  const say = useWords(words);
  const problem = asProblem(error);
  const { title, detail, toDo } = explain(problem);
  return (
    <div role="alert" className={cx('flex flex-wrap gap-x-3 gap-y-2 rounded-card border border-red/40 bg-red-tint', isCompact ? 'p-3' : 'p-4', className)}>
      <StatusMark status="failed" className="mt-1 self-start" />
      {/* In a narrow place the button goes below: beside it the words would stand one to a line. */}
      <div className="min-w-0 flex-[1_1_13rem]">
        <p className="font-medium">{title}</p>
        {detail !== '' && <p>{detail}</p>}
        {problem.fields.length > 0 && (
          <ul className="mt-1 list-disc pl-5">
            {problem.fields.map((one) => (
              <li key={`${one.field}:${one.code}`}>
                <code>{one.field}</code> {one.message}
              </li>
            ))}
          </ul>
        )}
        <p className="text-muted">{toDo}</p>
        {/* The words for what nobody expected send people to an administrator with this number. */}
        {(!isCompact || problem.status >= 500) && (problem.requestId !== null || problem.status > 0) && (
          <p className="mt-1 text-xs text-muted">
            <code>{problem.code}</code>
            {problem.requestId !== null && ` · ${say('error.request', { id: problem.requestId })}`}
          </p>
        )}
      </div>
      {onRetry && (
        <Button size="small" className="self-start" icon={<RotateCw size={14} aria-hidden />} onClick={onRetry}>
          {say('retry')}
        </Button>
      )}
    </div>
  );
}
