import { useNavigate } from '@tanstack/react-router';
import { BookOpenText, ChartSpline, FileText, Send, Square } from 'lucide-react';
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useMay } from '@/api/access';
import { ApiProblem, asProblem } from '@/api/problem';
import { Denied } from '@/features/access/NotAllowed';
import { useTitle } from '@/frame/title';
import { formatPercent } from '@/i18n/format';
import { sayNow, useWords } from '@/i18n/words';
import { Button, Card, ErrorNote, Kbd, PageHead, ProgressBar, toast } from '@/parts';
import { emptyDraft, isEmpty, keepDraft, newKey, readDraft, type Draft } from './draft';
import { placed } from './errors';
import { Field } from './Field';
import { Files } from './Files';
import { Options } from './Options';
import { submit, type Sending } from './submit';
import { begun, TEMPLATES, WEATHER_NAME, weatherFile } from './templates';
import { words } from './words';

const KEEP_MS = 300;
const ICONS = { data: ChartSpline, research: BookOpenText, document: FileText } as const;
/** Codes after which the request may have been accepted all the same: its key has to stay. */
const UNKNOWN_END = ['OFFLINE', 'TIMED_OUT', 'UNREADABLE_ANSWER'];

/** The draft, kept a moment after the last change and when the page goes away. */
function useDraft() {
  const [draft, setDraft] = useState(readDraft);
  const newest = useRef(draft);
  newest.current = draft;
  const isOver = useRef(false);
  useEffect(() => {
    const timer = setTimeout(() => keepDraft(draft), KEEP_MS);
    return () => clearTimeout(timer);
  }, [draft]);
  useEffect(() => {
    isOver.current = false;
    const keep = () => {
      if (!isOver.current) keepDraft(newest.current);
    };
    addEventListener('pagehide', keep);
    return () => {
      removeEventListener('pagehide', keep);
      keep();
    };
  }, []);
  const end = useCallback(() => {
    isOver.current = true;
    keepDraft(emptyDraft());
  }, []);
  return { draft, setDraft, end };
}

export function NewTaskPage() {
  const say = useWords(words);
  const may = useMay();
  useTitle(say('title'));
  return may('tasks:write') ? <TaskForm /> : <Denied title={say('title')} permission="tasks:write" />;
}

function TaskForm() {
  const say = useWords(words);
  const navigate = useNavigate();
  const { draft, setDraft, end } = useDraft();
  const [files, setFiles] = useState<readonly File[]>([]);
  const [isFetching, setFetching] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [isSending, setSending] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const sending = useRef<Sending | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const { at, rest } = useMemo(() => placed(error), [error]);
  const errorsOf = (...fields: readonly string[]) => fields.flatMap((field) => at.get(field) ?? []);
  const lost = draft.fileNames.filter((name) => !files.some((file) => file.name === name));

  const change = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const setNames = (next: readonly File[]) => change({ fileNames: next.filter((one) => one.name !== WEATHER_NAME).map((one) => one.name) });

  const { hasWeather } = draft;
  const isThere = files.some((file) => file.name === WEATHER_NAME);
  useEffect(() => {
    if (!hasWeather || isThere) return;
    let isGone = false;
    setFetching(true);
    weatherFile()
      .then((file) => {
        if (!isGone) setFiles((before) => (before.some((one) => one.name === file.name) ? before : [...before, file]));
      })
      .catch((cause: unknown) => {
        if (isGone) return;
        setError(new ApiProblem({ code: 'DATA_SET_UNAVAILABLE', title: sayNow(words, 'files.weather.failed'), message: asProblem(cause).message, status: 503 }));
        setDraft((before) => ({ ...before, hasWeather: false }));
      })
      .finally(() => {
        if (!isGone) setFetching(false);
      });
    return () => {
      isGone = true;
      setFetching(false);
    };
  }, [hasWeather, isThere, setDraft]);

  useEffect(() => () => sending.current?.abort(), []);
  useEffect(() => {
    if (error !== null) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [error]);

  const add = (chosen: readonly File[]) => {
    const isSame = (a: File, b: File) => a.name === b.name && a.size === b.size && a.lastModified === b.lastModified;
    const next = [...files, ...chosen.filter((one) => !files.some((other) => isSame(one, other)))];
    setFiles(next);
    setNames(next);
  };
  const remove = (file: File) => {
    const next = files.filter((one) => one !== file);
    setFiles(next);
    setNames(next);
    if (file.name === WEATHER_NAME) change({ hasWeather: false });
  };
  const reset = (next: Draft, chosen: readonly File[] = []) => {
    setError(null);
    setDraft(next);
    setFiles(chosen);
  };
  const use = (template: (typeof TEMPLATES)[number]) => {
    const before = { draft, files };
    const isTouched = draft.description.trim() !== '';
    reset(begun(template, draft), files.filter((one) => one.name !== WEATHER_NAME || template === 'data'));
    if (isTouched) {
      toast.done(say('template.used', { name: say(`template.${template}.name`) }), { undo: () => reset(before.draft, before.files) });
    }
    form.current?.querySelector('textarea')?.focus();
  };
  const discard = () => {
    const before = { draft, files };
    reset(emptyDraft());
    toast.done(say('discard.done'), { undo: () => reset(before.draft, before.files) });
  };

  const send = async () => {
    // A second press, by hand or by ⌘Enter, comes before the button is drawn as busy.
    if (sending.current !== null || isFetching) return;
    setError(null);
    setSending(true);
    setShare(files.length > 0 ? 0 : null);
    const underway = submit(draft, files, setShare);
    sending.current = underway;
    try {
      const task = await underway.answer;
      end();
      toast.done(say('done'));
      await navigate({ to: '/tasks/$taskId', params: { taskId: task.id }, replace: true });
    } catch (cause) {
      if (!(cause instanceof DOMException && cause.name === 'AbortError')) {
        const problem = asProblem(cause);
        // Refused for certain: what is changed and sent next is another request.
        if (!UNKNOWN_END.includes(problem.code)) change({ key: newKey() });
        setError(cause);
      }
    } finally {
      sending.current = null;
      setSending(false);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.metaKey || event.ctrlKey) && !event.nativeEvent.isComposing) {
      event.preventDefault();
      void send();
    }
  };

  const code = rest?.code ?? '';
  const note = code === 'IDEMPOTENCY_CONFLICT' ? say('conflict.note') : UNKNOWN_END.includes(code) ? say('unknown.note') : null;
  const progress = share === null ? say('accepting') : say('sending', { percent: formatPercent(share) });
  return (
    <form
      ref={form}
      noValidate
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
      className="mx-auto max-w-5xl"
    >
      <PageHead title={say('title')} lead={say('lead')} />
      <div className="grid items-start gap-4 lg:grid-cols-[minmax(0,1fr)_320px]">
        <div className="grid min-w-0 gap-4">
          <Card>
            <div className="grid gap-4">
              <Field label={say('description.label')} hint={say('description.hint')} errors={errorsOf('description')}>
                {(attributes) => (
                  <textarea
                    {...attributes}
                    autoFocus
                    required
                    rows={7}
                    disabled={isSending}
                    value={draft.description}
                    placeholder={say('description.placeholder')}
                    onChange={(event) => change({ description: event.target.value })}
                    className="field block min-h-40 w-full resize-y [field-sizing:content] max-h-[60vh]"
                  />
                )}
              </Field>
              <Files
                files={files}
                lost={lost}
                isFetching={isFetching}
                errors={errorsOf('files')}
                isDisabled={isSending}
                onAdd={add}
                onRemove={remove}
                onForget={() => setNames(files)}
              />
              <Field label={say('title.label')} errors={errorsOf('title')}>
                {(attributes) => (
                  <input
                    {...attributes}
                    disabled={isSending}
                    value={draft.title}
                    placeholder={say('title.placeholder')}
                    onChange={(event) => change({ title: event.target.value })}
                    className="field w-full"
                  />
                )}
              </Field>
            </div>
          </Card>
          <section aria-label={say('templates')}>
            <h2 className="mb-2 text-sm font-semibold text-muted">{say('templates')}</h2>
            <ul className="grid gap-2 sm:grid-cols-3">
              {TEMPLATES.map((template) => {
                const Icon = ICONS[template];
                return (
                  <li key={template}>
                    <button
                      type="button"
                      disabled={isSending}
                      title={say(`template.${template}.about`)}
                      onClick={() => use(template)}
                      className="card flex h-full w-full items-center gap-2.5 px-3 py-2.5 text-left transition-colors duration-100 hover:border-accent"
                    >
                      <Icon size={17} aria-hidden className="shrink-0 text-accent" />
                      <span className="min-w-0">
                        <span className="block font-medium">{say(`template.${template}.kind`)}</span>
                        <span className="block truncate text-sm text-muted">{say(`template.${template}.name`)}</span>
                      </span>
                    </button>
                  </li>
                );
              })}
            </ul>
          </section>
        </div>
        <Card title={say('options')}>
          <Options draft={draft} errorsOf={errorsOf} isDisabled={isSending} onChange={change} />
        </Card>
      </div>
      <div className="sticky bottom-[52px] z-10 mt-4 border-t border-line bg-bg py-3 md:bottom-0">
        {rest !== null && <ErrorNote error={rest} className="mb-3" />}
        {note !== null && <p className="mb-3 text-sm text-muted">{note}</p>}
        {isSending && share !== null && <ProgressBar percent={share * 100} className="mb-3" />}
        <div className="flex flex-wrap items-center justify-end gap-2">
          <span role="status" className="mr-auto text-sm text-muted">
            {isSending ? progress : isEmpty(draft) ? '' : say('saved')}
          </span>
          {isSending && share !== null && (
            <Button icon={<Square size={13} aria-hidden />} onClick={() => sending.current?.abort()}>
              {say('abort')}
            </Button>
          )}
          {!isSending && !isEmpty(draft) && (
            <Button kind="quiet" onClick={discard}>
              {say('discard')}
            </Button>
          )}
          <Button kind="primary" type="submit" isBusy={isSending} disabled={isFetching} icon={<Send size={15} aria-hidden />} aria-keyshortcuts="Meta+Enter Control+Enter">
            {say('submit')}
            <span className="hidden sm:inline">
              <Kbd keys="Mod+Enter" isOnAccent />
            </span>
          </Button>
        </div>
      </div>
    </form>
  );
}
