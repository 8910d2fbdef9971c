/** Calls and verdicts of one step. There may be thousands: only those in sight are in the document. */
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useRef, type RefObject } from 'react';
import { number, text, type Data } from '@/events/event';
import type { Part } from '@/events/view';
import { formatDuration, formatNumber } from '@/i18n/format';
import { known, useWords } from '@/i18n/words';
import { cx, StatusMark } from '@/parts';
import { words } from '../words';

const CALL_PX = 30;
const VERDICT_PX = 24;
const OVERSCAN = 8;
/** Fewer are drawn whole, each column as wide as it needs. */
const FEW = 40;

interface PartsProps {
  readonly parts: readonly Part[];
}

function useRows(parts: readonly Part[], px: number): { box: RefObject<HTMLDivElement | null>; rows: Virtualizer<HTMLDivElement, HTMLElement> } {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer<HTMLDivElement, HTMLElement>({
    count: parts.length,
    getScrollElement: () => box.current,
    estimateSize: () => px,
    getItemKey: (at) => parts[at]?.seq ?? at,
    overscan: OVERSCAN,
    enabled: parts.length > FEW,
  });
  return { box, rows };
}

/** Which places are drawn, and the height of those before and after them. */
function drawnOf(count: number, rows: Virtualizer<HTMLDivElement, HTMLElement>) {
  if (count <= FEW) return { places: Array.from({ length: count }, (_, at) => at), before: 0, after: 0 };
  const items = rows.getVirtualItems();
  const before = items[0]?.start ?? 0;
  return { places: items.map((item) => item.index), before, after: rows.getTotalSize() - (items.at(-1)?.end ?? before) };
}

function tokensOf(data: Data): string {
  const [input, output] = [number(data['input_tokens']), number(data['output_tokens'])];
  return input === null && output === null ? '' : `${formatNumber(input ?? 0)} + ${formatNumber(output ?? 0)}`;
}

function Gap({ px }: { readonly px: number }) {
  return px > 0 ? (
    <tr aria-hidden>
      <td style={{ height: px, padding: 0 }} />
    </tr>
  ) : null;
}

export function Calls({ parts }: PartsProps) {
  const say = useWords(words);
  const { box, rows } = useRows(parts, CALL_PX);
  const hasTokens = parts.some((part) => part.kind === 'model');
  const isLong = parts.length > FEW;
  const { places, before, after } = drawnOf(parts.length, rows);
  return (
    <div ref={box} className="max-h-72 overflow-auto rounded-control border border-line [overflow-anchor:none]" tabIndex={0} role="region" aria-label={say('step.calls')}>
      <table className={cx('w-full text-left text-sm', isLong && 'min-w-96 table-fixed')} aria-rowcount={parts.length + 1}>
        <thead className="sticky top-0 bg-surface text-muted">
          <tr className="border-b border-line" aria-rowindex={1}>
            <th scope="col" className="px-2.5 py-1 font-medium">{say('step.call')}</th>
            <th scope="col" className="px-2.5 py-1 font-medium">{say('step.kind')}</th>
            <th scope="col" className="px-2.5 py-1 font-medium">{say('step.outcome')}</th>
            {hasTokens && <th scope="col" className="px-2.5 py-1 text-right font-medium">{say('step.tokens')}</th>}
            <th scope="col" className="px-2.5 py-1 text-right font-medium">{say('step.took')}</th>
          </tr>
        </thead>
        <tbody>
          <Gap px={before} />
          {places.map((at) => {
            const part = parts[at];
            if (!part) return null;
            const isModel = part.kind === 'model';
            const outcome = text(part.data['outcome']) || 'ok';
            const took = number(part.data['duration_s']);
            const kind = isModel ? 'model' : text(part.data['kind']) || 'tool';
            const name = text(part.data[isModel ? 'model' : 'tool']);
            return (
              <tr key={part.seq} ref={isLong ? rows.measureElement : undefined} data-index={at} aria-rowindex={at + 2} className="border-b border-line last:border-b-0">
                <td className={cx('px-2.5 py-1', isLong && 'truncate')} title={isLong ? name : undefined}>
                  <code>{name}</code>
                </td>
                <td className="px-2.5 py-1 whitespace-nowrap">{known(words, `kind.${kind}`, kind)}</td>
                <td className="px-2.5 py-1 whitespace-nowrap">
                  <StatusMark status={outcome === 'ok' ? 'completed' : 'failed'} show="word" size={11} label={known(words, `outcome.${outcome}`, outcome)} />
                </td>
                {hasTokens && <td className="px-2.5 py-1 text-right whitespace-nowrap">{tokensOf(part.data)}</td>}
                <td className="px-2.5 py-1 text-right whitespace-nowrap">{took === null ? '–' : formatDuration(took)}</td>
              </tr>
            );
          })}
          <Gap px={after} />
        </tbody>
      </table>
    </div>
  );
}

export function Verdicts({ parts }: PartsProps) {
  const say = useWords(words);
  const { box, rows } = useRows(parts, VERDICT_PX);
  const isLong = parts.length > FEW;
  const { places, before, after } = drawnOf(parts.length, rows);
  const list = (
    <ul style={isLong ? { paddingTop: before, paddingBottom: after } : undefined}>
      {places.map((at) => {
        const part = parts[at];
        if (!part) return null;
        const passed = part.data['passed'];
        const criterion = text(part.data['criterion']);
        return (
          <li key={part.seq} ref={isLong ? rows.measureElement : undefined} data-index={at} aria-setsize={parts.length} aria-posinset={at + 1} className="flex gap-2">
            <StatusMark status={passed === true ? 'completed' : passed === false ? 'failed' : 'pending'} size={12} className="mt-1.5 self-start" />
            <span className="min-w-0">
              {known(words, `criterion.${criterion}`, criterion)} <span className="text-muted">{text(part.data['reason'])}</span>
            </span>
          </li>
        );
      })}
    </ul>
  );
  if (!isLong) return list;
  return (
    <div ref={box} className="max-h-72 overflow-auto [overflow-anchor:none]" tabIndex={0} role="region" aria-label={say('step.verdicts')}>
      {list}
    </div>
  );
}
