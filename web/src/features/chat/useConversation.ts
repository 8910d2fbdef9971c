/** The conversation with the server: history by pages, live messages, sending with failure and retry. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { api, takeData } from '@/api/client';
import { send as sendRequest } from '@/api/transport';
import { asProblem, type ApiProblem } from '@/api/problem';
import { useChatMessages, useConnectionStatus } from '@/connection/hooks';
import {
  EMPTY,
  hasEarlier,
  inTurn,
  messageOf,
  newKey,
  rawMessages,
  withAnswer,
  withFailure,
  withHeard,
  without,
  withOutgoing,
  withPage,
  type Conversation,
  type Outgoing,
} from './conversation';

const PAGE = 50;
/** A model may take its time; the server gives up before this. */
const ANSWER_DEADLINE_MS = 150_000;

export interface LiveConversation {
  readonly conversation: Conversation;
  readonly isLoading: boolean;
  readonly problem: ApiProblem | null;
  readonly hasEarlier: boolean;
  readonly isLoadingEarlier: boolean;
  readonly loadEarlier: () => void;
  readonly reload: () => void;
  readonly send: (content: string) => void;
  readonly retry: (message: Outgoing) => void;
  readonly discard: (message: Outgoing) => void;
}

export function useConversation(): LiveConversation {
  const [conversation, setConversation] = useState<Conversation>(EMPTY);
  const [problem, setProblem] = useState<ApiProblem | null>(null);
  const [isLoadingEarlier, setLoadingEarlier] = useState(false);
  const { state } = useConnectionStatus();

  const loadPage = useCallback(async (offset: number, signal?: AbortSignal) => {
    try {
      const page = await takeData(
        api.GET('/api/v1/mvp2/chat/history', { params: { query: { limit: PAGE, offset } }, ...(signal === undefined ? {} : { signal }) }),
      );
      setConversation((before) => withPage(before, rawMessages(page), page.total, offset === 0));
      setProblem(null);
    } catch (error) {
      if (signal?.aborted !== true) setProblem(asProblem(error));
    }
  }, []);

  useEffect(() => {
    const abort = new AbortController();
    void loadPage(0, abort.signal);
    return () => abort.abort();
  }, [loadPage]);

  // The conversation has no replay over the socket: after a loss its newest page is asked for.
  const wasOnline = useRef(state === 'online');
  useEffect(() => {
    if (state === 'online' && !wasOnline.current) void loadPage(0);
    wasOnline.current = state === 'online';
  }, [state, loadPage]);

  useChatMessages((data) => {
    const message = messageOf(data);
    setConversation((before) => withHeard(before, message));
    if (message.isPartial) void loadPage(0);
  });

  const deliver = useCallback(async (key: string, content: string) => {
    try {
      const exchange = await takeData(
        api.POST('/api/v1/mvp2/chat/messages', {
          params: { header: { 'idempotency-key': key } },
          body: { content, type: 'user' },
          fetch: (request) => sendRequest(request, { deadlineMs: ANSWER_DEADLINE_MS }),
        }),
      );
      const messages = [messageOf(exchange.user_message), messageOf(exchange.ai_response)];
      setConversation((before) => withAnswer(before, key, messages));
    } catch (error) {
      setConversation((before) => withFailure(before, key, error));
    }
  }, []);

  // The server keeps what it answered first as said first: a short question must not overtake the one before it.
  const [takeTurn] = useState(inTurn);
  const post = useCallback(
    (key: string, content: string) => {
      setConversation((before) => withOutgoing(before, key, content, new Date().toISOString()));
      return takeTurn(() => deliver(key, content));
    },
    [deliver, takeTurn],
  );

  return {
    conversation,
    isLoading: conversation.total === null && problem === null,
    problem,
    hasEarlier: hasEarlier(conversation),
    isLoadingEarlier,
    loadEarlier: useCallback(() => {
      setLoadingEarlier(true);
      void loadPage(conversation.messages.length).finally(() => setLoadingEarlier(false));
    }, [conversation.messages.length, loadPage]),
    reload: useCallback(() => void loadPage(0), [loadPage]),
    send: useCallback((content: string) => void post(newKey(), content), [post]),
    retry: useCallback((message: Outgoing) => void post(message.key, message.content), [post]),
    discard: useCallback((message: Outgoing) => setConversation((before) => without(before, message.key)), []),
  };
}
