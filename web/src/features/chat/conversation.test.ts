import { describe, expect, it } from 'vitest';
import {
  authorOf,
  blocksOf,
  EMPTY,
  isOwnAddress,
  messageOf,
  microsOf,
  hasEarlier,
  hiddenRequest,
  inTurn,
  openOffer,
  piecesOf,
  withAnswer,
  withFailure,
  withHeard,
  withOutgoing,
  withPage,
  type Message,
} from './conversation';

function message(id: string, at: string, more: Partial<Message> = {}): Message {
  return { ...messageOf({ id, type: 'user', content: id, timestamp: at }), ...more };
}

const one = message('1', '2026-11-22T09:59:29.793911+00:00');
const two = message('2', '2026-11-22T09:59:29.793912+00:00', { type: 'ai' });
const three = message('3', '2026-11-22T09:59:30+00:00');

describe('the conversation', () => {
  it('calls a person “you”, and nobody “local”', () => {
    expect(authorOf({ type: 'user', sender: 'local' }, '你', 'MetaAgent')).toBe('你');
    expect(authorOf({ type: 'ai', sender: 'local' }, '你', 'MetaAgent')).toBe('MetaAgent');
    expect(authorOf({ type: 'ai', sender: 'Helper' }, '你', 'MetaAgent')).toBe('Helper');
  });

  it('has the whole request of an offer at hand where the answer shows a part of it', () => {
    expect(hiddenRequest({ content: 'Make “sum up”?', offer: 'sum up' })).toBeNull();
    expect(hiddenRequest({ content: 'Make “sum …”?', offer: 'sum up' })).toBe('sum up');
    expect(hiddenRequest({ content: 'Hello', offer: null })).toBeNull();
  });

  it('orders by the microsecond, also where a moment has no fraction', () => {
    expect(withPage(EMPTY, [three, two, one], 3, true).messages.map(({ id }) => id)).toEqual(['1', '2', '3']);
    expect(microsOf('2026-11-22T09:59:30+00:00') - microsOf('2026-11-22T09:59:29.999999+00:00')).toBe(1);
  });

  it('has a message once, whoever told of it', () => {
    const known = withHeard(withPage(EMPTY, [one, two], 3, true), two);
    expect(withPage(known, [one, two, three], 3, true).messages).toHaveLength(3);
  });

  it('begins anew where a loss was longer than a page', () => {
    expect(withPage(withPage(EMPTY, [one, two], 3, true), [three], 3, true).messages).toEqual([three]);
    expect(withPage(withPage(EMPTY, [three], 3, true), [one, two], 3, false).messages).toHaveLength(3);
  });

  it('keeps a whole message when the socket brings a cut one, and fills a cut one', () => {
    const cut = { ...two, content: 'be', isPartial: true };
    expect(withHeard(withPage(EMPTY, [two], 3, true), cut).messages).toEqual([two]);
    expect(withPage(withHeard(EMPTY, cut), [two], 3, true).messages).toEqual([two]);
  });

  it('shows what is sent once: until its answer, or the socket, brings the message', () => {
    const sending = withOutgoing(EMPTY, 'k', '1', one.at);
    expect(withHeard(sending, one)).toMatchObject({ messages: [one], outgoing: [{ isHeard: true }] });
    expect(withAnswer(withHeard(sending, one), 'k', [one, two])).toMatchObject({ messages: [one, two], outgoing: [] });
  });

  it('keeps what could not be sent, under the same key when it is sent again', () => {
    const failed = withFailure(withOutgoing(EMPTY, 'k', 'x', one.at), 'k', new Error('away'));
    expect(failed.outgoing).toMatchObject([{ key: 'k', content: 'x', problem: new Error('away') }]);
    expect(withOutgoing(failed, 'k', 'x', one.at).outgoing).toMatchObject([{ key: 'k', problem: null }]);
  });

  it('knows whether there is more, also after new messages came', () => {
    const page = withPage(EMPTY, [two], 2, true);
    expect(hasEarlier(page)).toBe(true);
    expect(hasEarlier(withHeard(page, three))).toBe(true);
    expect(hasEarlier(withPage(withHeard(page, three), [one], 3, false))).toBe(false);
  });

  it('offers a task by its newest answer only', () => {
    const offer = { ...two, offer: 'analyse' };
    expect(openOffer({ messages: [one, offer], outgoing: [] })).toBe(offer);
    expect(openOffer({ messages: [offer, three], outgoing: [] })).toBeNull();
    expect(openOffer(withOutgoing({ messages: [one, offer], outgoing: [], total: 2 }, 'k', 'yes', three.at))).toBeNull();
  });
});

describe('an answer', () => {
  const citation = { id: 'zh/tasks:1-2', source: 'zh/tasks', title: '任务', locator: '任务 > 重试', anchor: '重试', quote: '用 retry。\n第二行' };

  it('shows quotations apart, with their source once', () => {
    const content = '手册里是这样说的：\n“用 retry。\n第二行”\n——《任务》重试\n还有别的吗？';
    expect(blocksOf({ content, citations: [citation] })).toEqual([
      { kind: 'text', text: '手册里是这样说的：' },
      { kind: 'quote', citation },
      { kind: 'text', text: '还有别的吗？' },
    ]);
  });

  it('lists sources that it does not quote', () => {
    expect(blocksOf({ content: '用 retry。', citations: [citation] })).toEqual([
      { kind: 'text', text: '用 retry。' },
      { kind: 'sources', citations: [citation] },
    ]);
  });

  it('links addresses of this front end and nothing else', () => {
    const href = '/tasks/01a202b2-4f47-76f7-9ab8-d1ec872fbe07';
    expect(piecesOf(`进展在这里：${href}`, [{ kind: 'task', label: '摘要', href }])).toEqual([
      { text: '进展在这里：', href: null },
      { text: '摘要', href },
    ]);
    expect(piecesOf('提交：/tasks/new', []).at(-1)).toEqual({ text: '/tasks/new', href: '/tasks/new' });
    for (const other of ['https://evil.example/tasks', 'POST /api/v1/tasks/{id}/retry', '/system.old']) {
      expect(piecesOf(other, [])).toEqual([{ text: other, href: null }]);
    }
  });

  it('leads nowhere else, whatever it says', () => {
    expect(isOwnAddress('/tasks/new')).toBe(true);
    for (const href of ['//evil.example', 'https://evil.example', 'javascript:alert(1)', '']) expect(isOwnAddress(href)).toBe(false);
  });
});

describe('what is said while an answer is awaited', () => {
  it('waits for its turn, also where the one before fails', async () => {
    const takeTurn = inTurn();
    const said: string[] = [];
    let answer = () => undefined as void;
    const first = takeTurn(async () => {
      said.push('first');
      await new Promise<void>((resolve) => (answer = resolve));
      throw new Error('no answer');
    });
    const second = takeTurn(() => Promise.resolve(said.push('second')));
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(said).toEqual(['first']);
    answer();
    await expect(first).rejects.toThrow('no answer');
    await second;
    expect(said).toEqual(['first', 'second']);
  });
});
