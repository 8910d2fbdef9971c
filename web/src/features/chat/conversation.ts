/**
 * The conversation on screen: pages of history, what the socket brings, and what is being sent, as one list.
 * Pure. Invariant: a message stands once, in the order of its time, whoever told of it first.
 */
import { isData, list, text, type Data } from '@/events/event';

export interface Citation {
  readonly id: string;
  readonly source: string;
  readonly title: string;
  readonly locator: string;
  readonly anchor: string;
  readonly quote: string;
}

export interface ChatLink {
  readonly kind: string;
  readonly label: string;
  readonly href: string;
}

export interface Message {
  readonly id: string;
  readonly type: 'user' | 'ai';
  readonly content: string;
  readonly sender: string;
  readonly at: string;
  readonly taskId: string | null;
  readonly citations: readonly Citation[];
  readonly links: readonly ChatLink[];
  readonly offer: string | null;
  /** The socket cut it; the history has all of it. */
  readonly isPartial: boolean;
}

/** What the person sent and the server has not answered yet. `key` makes sending it again harmless. */
export interface Outgoing {
  readonly key: string;
  readonly content: string;
  readonly at: string;
  readonly problem: unknown;
  /** The socket told of it before its answer came: the message itself is shown. */
  readonly isHeard: boolean;
}

export interface Conversation {
  readonly messages: readonly Message[];
  readonly outgoing: readonly Outgoing[];
  /** How many messages there are in all; null until the server said so. */
  readonly total: number | null;
}

export const EMPTY: Conversation = { messages: [], outgoing: [], total: null };

export function messageOf(raw: Data): Message {
  return {
    id: text(raw['id']),
    type: raw['type'] === 'user' ? 'user' : 'ai',
    content: text(raw['content']),
    sender: text(raw['sender']),
    at: text(raw['timestamp']),
    taskId: text(raw['task_id']) || null,
    citations: list(raw['citations']).map((one) => ({
      id: text(one['id']),
      source: text(one['source']),
      title: text(one['title']),
      locator: text(one['locator']),
      anchor: text(one['anchor']),
      quote: text(one['quote']),
    })),
    links: list(raw['links']).map((one) => ({ kind: text(one['kind']), label: text(one['label']), href: text(one['href']) })),
    offer: text(raw['offer']) || null,
    isPartial: raw['is_partial'] === true,
  };
}

/** Microseconds of an ISO-8601 moment; an answer is one after its question. */
export function microsOf(at: string): number {
  const fraction = /\.(\d+)/.exec(at)?.[1] ?? '';
  return Math.floor(Date.parse(at) / 1000) * 1e6 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

/** A whole message takes the place of a cut one, never the other way. */
export function withMessages(before: readonly Message[], more: readonly Message[]): readonly Message[] {
  const byId = new Map(before.map((one) => [one.id, one]));
  for (const one of more) {
    const known = byId.get(one.id);
    if (known === undefined || known.isPartial || !one.isPartial) byId.set(one.id, one);
  }
  return [...byId.values()].sort((a, b) => microsOf(a.at) - microsOf(b.at));
}

/** A page of the history. The newest page that has nothing in common with what is known begins anew. */
export function withPage(before: Conversation, page: readonly Message[], total: number, isNewest: boolean): Conversation {
  const known = new Set(before.messages.map((one) => one.id));
  const isApart = isNewest && before.messages.length > 0 && !page.some((one) => known.has(one.id));
  return { ...before, messages: withMessages(isApart ? [] : before.messages, page), total };
}

/** Messages that were just said: there are so many more in all. */
function withSaid(before: Conversation, said: readonly Message[]): Conversation {
  const messages = withMessages(before.messages, said);
  return { ...before, messages, total: before.total === null ? null : before.total + messages.length - before.messages.length };
}

export function hasEarlier({ messages, total }: Conversation): boolean {
  return total !== null && messages.length < total;
}

export function withHeard(before: Conversation, message: Message): Conversation {
  const isNew = !before.messages.some((one) => one.id === message.id);
  const own = isNew && message.type === 'user' ? before.outgoing.find((one) => !one.isHeard && one.content === message.content) : undefined;
  return {
    ...withSaid(before, [message]),
    outgoing: before.outgoing.map((one) => (one === own ? { ...one, isHeard: true } : one)),
  };
}

export function withOutgoing(before: Conversation, key: string, content: string, at: string): Conversation {
  const others = before.outgoing.filter((one) => one.key !== key);
  return { ...before, outgoing: [...others, { key, content, at, problem: null, isHeard: false }] };
}

export function withAnswer(before: Conversation, key: string, messages: readonly Message[]): Conversation {
  return { ...withSaid(before, messages), outgoing: before.outgoing.filter((one) => one.key !== key) };
}

export function withFailure(before: Conversation, key: string, problem: unknown): Conversation {
  return { ...before, outgoing: before.outgoing.map((one) => (one.key === key ? { ...one, problem, isHeard: false } : one)) };
}

export function without(before: Conversation, key: string): Conversation {
  return { ...before, outgoing: before.outgoing.filter((one) => one.key !== key) };
}

/** Who said it. Where nobody logs in the server calls the one person “local”, which is no name. */
export function authorOf({ type, sender }: Pick<Message, 'type' | 'sender'>, you: string, agent: string): string {
  if (type === 'user') return you;
  return sender === '' || sender === 'local' ? agent : sender;
}

/** The request of an offer, where the message does not show all of it. */
export function hiddenRequest({ content, offer }: Pick<Message, 'content' | 'offer'>): string | null {
  return offer === null || content.includes(offer) ? null : offer;
}

/** A task may be made of the newest answer only: the server takes a yes for that one. */
export function openOffer({ messages, outgoing }: Pick<Conversation, 'messages' | 'outgoing'>): Message | null {
  const newest = messages.at(-1);
  return outgoing.length === 0 && newest?.type === 'ai' && newest.offer !== null ? newest : null;
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'quote'; readonly citation: Citation }
  | { readonly kind: 'sources'; readonly citations: readonly Citation[] };

const SOURCE_LINE = /^\n?—+[^\n]*/;

/** An answer in parts: text, quotations of the handbook with their source, and sources that only support it. */
export function blocksOf({ content, citations }: Pick<Message, 'content' | 'citations'>): readonly Block[] {
  const blocks: Block[] = [];
  const others: Citation[] = [];
  let rest = content;
  const say = (words: string) => {
    const trimmed = words.replace(/^\n+|\n+$/g, '');
    if (trimmed !== '') blocks.push({ kind: 'text', text: trimmed });
  };
  for (const citation of citations) {
    const quoted = `“${citation.quote}”`;
    const at = rest.indexOf(quoted);
    if (at < 0) {
      others.push(citation);
      continue;
    }
    say(rest.slice(0, at));
    blocks.push({ kind: 'quote', citation });
    rest = rest.slice(at + quoted.length).replace(SOURCE_LINE, '');
  }
  say(rest);
  if (others.length > 0) blocks.push({ kind: 'sources', citations: others });
  return blocks;
}

export interface Piece {
  readonly text: string;
  /** An address of this front end. */
  readonly href: string | null;
}

const ADDRESS = /\/(?:tasks(?:\/(?:new|[0-9a-f]{8}-[0-9a-f-]{27}))?|chat|agents|analytics|system|settings)(?![\w/.-])/g;

/** Text with this front end's own addresses as links, by the label that the server gave them. */
export function piecesOf(content: string, links: readonly ChatLink[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of content.matchAll(ADDRESS)) {
    const before = content[match.index - 1];
    if (before !== undefined && /[\w/.]/.test(before)) continue;
    if (match.index > from) pieces.push({ text: content.slice(from, match.index), href: null });
    const label = links.find((one) => one.href === match[0])?.label;
    pieces.push({ text: label ?? match[0], href: match[0] });
    from = match.index + match[0].length;
  }
  if (from < content.length) pieces.push({ text: content.slice(from), href: null });
  return pieces;
}

/** Only addresses of this front end are followed, whatever a message says. */
export function isOwnAddress(href: string): boolean {
  return /^\/(?!\/)[\w/-]*$/.test(href);
}

export function rawMessages(data: unknown): readonly Message[] {
  return list(isData(data) ? data['messages'] : null).map(messageOf);
}

/** Does one thing after another, each when the one before has ended, well or not. */
export function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work, work);
    last = turn;
    return turn;
  };
}

/** A name for what is sent, also where the page is not served securely. */
export function newKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
