/** What the agents ask, as cards that are answered where they stand. */
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useMay } from '@/api/access';
import { api, take, type Schemas } from '@/api/client';
import type { TaskView } from '@/events/view';
import { NotAllowed } from '@/features/access/NotAllowed';
import { useWords } from '@/i18n/words';
import { Button, ErrorNote, StatusMark, toast } from '@/parts';
import { useQuestions } from './data';
import { words } from './words';

type Question = Schemas['QuestionModel'];

interface Answer {
  readonly text?: string;
  readonly approved?: boolean;
}

function QuestionCard({ taskId, question, from }: { readonly taskId: string; readonly question: Question; readonly from: string | null }) {
  const say = useWords(words);
  const queries = useQueryClient();
  const id = useId();
  const [text, setText] = useState('');
  const { mutate, isPending, error, variables } = useMutation({
    mutationFn: (answer: Answer) =>
      take(
        api.POST('/api/v1/tasks/{task_id}/answer', {
          params: { path: { task_id: taskId } },
          body: { question_id: question.id, text: answer.text ?? null, approved: answer.approved ?? null },
        }),
      ),
    onSuccess: () => toast.done(say('ask.done')),
    onSettled: () => void queries.invalidateQueries({ queryKey: ['task', taskId] }),
  });
  const isMine = useMay()('tasks:write');
  const isApproval = question.kind === 'approval';
  const comment = text.trim() === '' ? {} : { text: text.trim() };
  const isChoice = !isApproval && question.options.length > 0;
  return (
    <section aria-labelledby={`${id}-text`} data-question={question.id} className="appear rounded-card border border-amber/50 bg-amber-tint px-4 py-3">
      <div className="flex items-center gap-2 text-sm font-medium text-amber">
        <StatusMark status="waiting_input" label={say(isApproval ? 'ask.approval' : 'ask.title')} show="word" />
        {from !== null && <span className="truncate font-normal text-muted">{say('ask.for', { title: from })}</span>}
      </div>
      <p id={`${id}-text`} className="mt-1.5 max-h-48 overflow-auto font-medium whitespace-pre-wrap">
        {question.text}
      </p>
      {!isMine && <NotAllowed permission="tasks:write" className="mt-2" />}
      {isMine && (
        <form
          className="mt-2.5"
          onSubmit={(event) => {
            event.preventDefault();
            if (!isApproval && text.trim() !== '') mutate({ text: text.trim() });
          }}
        >
          {isChoice && (
            <div className="mb-2.5 flex flex-wrap gap-2" role="group" aria-labelledby={`${id}-text`}>
              {question.options.map((option) => (
                <Button
                  key={option}
                  className="max-w-full whitespace-normal!"
                  isBusy={isPending && variables.text === option}
                  disabled={isPending}
                  onClick={() => mutate({ text: option })}
                >
                  {option}
                </Button>
              ))}
            </div>
          )}
          <label htmlFor={`${id}-field`} className="mb-1 block text-sm text-muted">
            {say(isApproval ? 'ask.comment' : isChoice ? 'ask.other' : 'ask.answer')}
          </label>
          <div className="flex flex-wrap items-end gap-2">
            <textarea
              id={`${id}-field`}
              className="field min-w-40 flex-1 resize-y"
              rows={1}
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.metaKey || event.ctrlKey)) event.currentTarget.form?.requestSubmit();
              }}
            />
            {isApproval ? (
              <>
                <Button kind="danger" disabled={isPending} isBusy={isPending && variables.approved === false} onClick={() => mutate({ approved: false, ...comment })}>
                  {say('ask.reject')}
                </Button>
                <Button kind="primary" disabled={isPending} isBusy={isPending && variables.approved === true} onClick={() => mutate({ approved: true, ...comment })}>
                  {say('ask.approve')}
                </Button>
              </>
            ) : (
              <Button type="submit" kind="primary" disabled={isPending || text.trim() === ''} isBusy={isPending && variables.text === text.trim()}>
                {say('ask.send')}
              </Button>
            )}
          </div>
        </form>
      )}
      {error && <ErrorNote error={error} isCompact className="mt-3" />}
      <p className="mt-2 text-xs text-muted">{say('ask.why')}</p>
    </section>
  );
}

export function Questions({ taskId, view }: { readonly taskId: string; readonly view: TaskView }) {
  const questions = useQuestions(taskId, view);
  if (view.status !== 'waiting_input' && view.status !== 'paused') return null;
  if (questions.error) return <ErrorNote error={questions.error} isCompact onRetry={() => void questions.refetch()} />;
  const open = questions.data ?? [];
  if (open.length === 0) return null;
  return (
    <div id="questions" className="flex flex-col gap-3">
      {open.map((one) => (
        <QuestionCard
          key={one.id}
          taskId={taskId}
          question={one}
          from={one.subtask_id === null ? null : (view.subtaskById.get(one.subtask_id)?.title ?? null)}
        />
      ))}
    </div>
  );
}
