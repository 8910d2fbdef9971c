/** The conversation with the MetaAgent. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { ArrowDown, MessagesSquare } from 'lucide-react';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useMay } from '@/api/access';
import { Denied } from '@/features/access/NotAllowed';
import { modelQuery } from '@/features/settings/query';
import { useTitle } from '@/frame/title';
import { useWords } from '@/i18n/words';
import { Button, cx, EmptyState, ErrorNote, PageHead, Skeleton } from '@/parts';
import { Composer } from './Composer';
import { hiddenRequest, openOffer, type Outgoing } from './conversation';
import { MessageView } from './MessageView';
import { useConversation } from './useConversation';
import { words } from './words';

const QUESTIONS = ['try.status', 'try.queue', 'try.help', 'try.system'] as const;
/** So near to the end the newest message is followed. */
const NEAR_PX = 120;

function NoModel() {
  const say = useWords(words);
  const model = useQuery(modelQuery);
  if (model.data?.is_configured !== false) return null;
  return (
    <aside className="card mb-5 bg-sunken px-4 py-3 text-sm">
      <p className="font-medium">{say('noModel.title')}</p>
      <p className="text-muted">
        {say('noModel.text')}{' '}
        <Link to="/settings" hash="model" className="link underline">
          {say('noModel.do')}
        </Link>
      </p>
    </aside>
  );
}

function Sending({ message, onRetry, onDiscard }: { readonly message: Outgoing; readonly onRetry: () => void; readonly onDiscard: () => void }) {
  const say = useWords(words);
  const hasFailed = message.problem !== null;
  return (
    <article className="flex flex-col items-end gap-2" aria-label={say('you')}>
      <div className={cx('max-w-[85%] rounded-card bg-tint px-3.5 py-2.5 whitespace-pre-wrap', !hasFailed && 'opacity-70')}>{message.content}</div>
      {hasFailed && (
        <div className="w-full max-w-lg">
          <ErrorNote error={message.problem} isCompact />
          <div className="mt-2 flex justify-end gap-2">
            <Button size="small" kind="quiet" onClick={onDiscard}>
              {say('failed.discard')}
            </Button>
            <Button size="small" kind="primary" onClick={onRetry}>
              {say('failed.retry')}
            </Button>
          </div>
        </div>
      )}
    </article>
  );
}

function Answering() {
  const say = useWords(words);
  return (
    <p role="status" className="flex items-center gap-2 px-1 text-sm text-muted">
      <span aria-hidden="true" className="flex gap-1">
        {[0, 1, 2].map((dot) => (
          <span key={dot} className="size-1.5 animate-pulse-slow rounded-full bg-current" />
        ))}
      </span>
      {say('answering')}
    </p>
  );
}

function Loading() {
  return (
    <div className="space-y-5">
      <Skeleton className="ml-auto h-10 w-52 rounded-card" />
      <Skeleton className="h-24 w-4/5 rounded-card" />
      <Skeleton className="ml-auto h-10 w-40 rounded-card" />
      <Skeleton className="h-16 w-3/5 rounded-card" />
    </div>
  );
}

/** Keeps the newest message in sight unless the person looked up, and the place when earlier ones come; without any, the top. */
function useFollowing(newest: string, oldest: string, isTalk: boolean) {
  const [isAway, setAway] = useState(false);
  const isNear = useRef(true);
  const follows = useRef(isTalk);
  follows.current = isTalk;
  const height = useRef(0);
  const shownOldest = useRef(oldest);
  const bottom = () => window.scrollTo({ top: document.documentElement.scrollHeight });
  useEffect(() => {
    const onScroll = () => {
      const root = document.documentElement;
      isNear.current = root.scrollHeight - root.clientHeight - window.scrollY < NEAR_PX;
      setAway(!isNear.current);
    };
    addEventListener('scroll', onScroll, { passive: true });
    return () => removeEventListener('scroll', onScroll);
  }, []);
  useLayoutEffect(() => {
    const now = document.documentElement.scrollHeight;
    if (shownOldest.current !== '' && shownOldest.current !== oldest) window.scrollBy({ top: now - height.current });
    else if (isNear.current && follows.current) bottom();
    shownOldest.current = oldest;
    height.current = document.documentElement.scrollHeight;
  }, [newest, oldest]);
  // A card that fills itself, or a picture of it, makes the page longer afterwards.
  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (isNear.current && follows.current) bottom();
      height.current = document.documentElement.scrollHeight;
    });
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  return { isAway, toBottom: bottom };
}

export function ChatPage() {
  const say = useWords(words);
  const may = useMay();
  useTitle(say('title'));
  return may('chat') ? <Talk /> : <Denied title={say('title')} permission="chat" />;
}

function Talk() {
  const say = useWords(words);
  const [draft, setDraft] = useState('');
  const live = useConversation();
  const { conversation } = live;
  const { messages, outgoing } = conversation;
  const shown = outgoing.filter((one) => !one.isHeard);
  const isAnswering = outgoing.some((one) => one.problem === null);
  const offer = openOffer(conversation);
  const request = offer === null ? null : hiddenRequest(offer);
  const isEmpty = !live.isLoading && live.problem === null && messages.length === 0 && outgoing.length === 0;
  const { isAway, toBottom } = useFollowing(
    `${messages.at(-1)?.id ?? ''}/${outgoing.length}/${outgoing.filter((one) => one.problem !== null).length}/${offer?.id ?? ''}`,
    messages[0]?.id ?? '',
    messages.length + outgoing.length > 0,
  );
  const send = (content: string) => {
    live.send(content);
    requestAnimationFrame(toBottom);
  };
  return (
    <div className="mx-auto -mb-9 flex min-h-[calc(100dvh-52px-84px)] w-full max-w-3xl flex-col md:-mb-9 md:min-h-[calc(100dvh-52px-24px)]">
      <PageHead title={say('title')} />
      <NoModel />
      {live.problem !== null && <ErrorNote error={live.problem} onRetry={live.reload} className="mb-4" />}
      <div role="log" aria-label={say('log')} aria-busy={live.isLoading} className="flex-1 space-y-5 pb-6">
        {live.isLoading && <Loading />}
        {live.hasEarlier && (
          <p className="text-center">
            <Button size="small" kind="quiet" isBusy={live.isLoadingEarlier} onClick={live.loadEarlier}>
              {say('earlier')}
            </Button>
          </p>
        )}
        {isEmpty && (
          <EmptyState
            icon={<MessagesSquare size={22} aria-hidden />}
            title={say('empty.title')}
            actions={QUESTIONS.map((question) => (
              <Button key={question} size="small" className="rounded-full" onClick={() => send(say(question))}>
                {say(question)}
              </Button>
            ))}
          >
            {say('empty.text')}
          </EmptyState>
        )}
        {messages.map((message) => (
          <MessageView key={message.id} message={message} />
        ))}
        {offer !== null && (
          <div role="group" aria-label={say('offer.label')} className="flex flex-wrap gap-2">
            {request !== null && (
              <details className="card w-full px-3.5 py-2.5">
                <summary className="cursor-pointer text-sm text-muted hover:text-text">{say('offer.whole')}</summary>
                <div role="region" aria-label={say('offer.whole')} tabIndex={0} className="mt-2 max-h-80 overflow-y-auto whitespace-pre-wrap">
                  {request}
                </div>
              </details>
            )}
            <Button kind="primary" onClick={() => send(say('say.yes'))}>
              {say('offer.yes')}
            </Button>
            <Button onClick={() => send(say('say.no'))}>{say('offer.no')}</Button>
          </div>
        )}
        {shown.map((message) => (
          <Sending
            key={message.key}
            message={message}
            onRetry={() => live.retry(message)}
            onDiscard={() => {
              live.discard(message);
              setDraft((before) => before || message.content);
            }}
          />
        ))}
        {isAnswering && <Answering />}
      </div>
      <div className="sticky bottom-[54px] z-10 -mx-1 bg-bg px-1 pt-2 pb-3 md:bottom-0">
        {isAway && messages.length > 0 && (
          <Button size="small" className="absolute -top-9 left-1/2 -translate-x-1/2 rounded-full shadow-float" icon={<ArrowDown size={14} aria-hidden />} onClick={toBottom}>
            {say('latest')}
          </Button>
        )}
        <Composer draft={draft} onDraft={setDraft} onSend={send} />
      </div>
    </div>
  );
}
