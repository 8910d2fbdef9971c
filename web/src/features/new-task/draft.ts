/**
 * What a person has begun to write: it survives reload, and its key makes sure that it becomes one task only.
 *
 * Files are not kept, only their names. Invariant: a key goes with what was sent; what is written anew after a
 * refusal gets a new one.
 */
import { isData, number, text, texts } from '@/events/event';
import { priorityOf, type PriorityLevel } from '@/parts/PriorityMark';

export interface Draft {
  /** Goes with the request as its Idempotency-Key. */
  readonly key: string;
  readonly description: string;
  readonly title: string;
  readonly team: string;
  readonly priority: PriorityLevel;
  readonly assignee: string;
  /** As the field has them: local time without offset, or empty. */
  readonly deadline: string;
  readonly startAt: string;
  /** Texts, so that what is typed stays as it is typed. */
  readonly tokens: string;
  readonly cost: string;
  readonly language: '' | 'zh' | 'en';
  /** Names of chosen files, to say what must be chosen again. */
  readonly fileNames: readonly string[];
  /** The bundled data set goes with it. */
  readonly hasWeather: boolean;
}

const STORAGE_KEY = 'lgma.draft';

export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function emptyDraft(): Draft {
  return {
    key: newKey(),
    description: '',
    title: '',
    team: '',
    priority: 2,
    assignee: '',
    deadline: '',
    startAt: '',
    tokens: '',
    cost: '',
    language: '',
    fileNames: [],
    hasWeather: false,
  };
}

export function parseDraft(raw: string | null): Draft {
  const fresh = emptyDraft();
  let kept: unknown;
  try {
    kept = JSON.parse(raw ?? 'null');
  } catch {
    return fresh;
  }
  if (!isData(kept)) return fresh;
  const language = text(kept['language']);
  return {
    key: /^[0-9a-f]{32}$/.test(text(kept['key'])) ? text(kept['key']) : fresh.key,
    description: text(kept['description']),
    title: text(kept['title']),
    team: text(kept['team']),
    priority: priorityOf(number(kept['priority'])),
    assignee: text(kept['assignee']),
    deadline: text(kept['deadline']),
    startAt: text(kept['startAt']),
    tokens: text(kept['tokens']),
    cost: text(kept['cost']),
    language: language === 'zh' || language === 'en' ? language : '',
    fileNames: texts(kept['fileNames']),
    hasWeather: kept['hasWeather'] === true,
  };
}

export function isEmpty(draft: Draft): boolean {
  const { key: _, ...written } = draft;
  const { key: __, ...nothing } = emptyDraft();
  return JSON.stringify(written) === JSON.stringify(nothing);
}

export function readDraft(): Draft {
  try {
    return parseDraft(localStorage.getItem(STORAGE_KEY));
  } catch {
    return emptyDraft();
  }
}

export function keepDraft(draft: Draft): void {
  try {
    if (isEmpty(draft)) localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, JSON.stringify(draft));
  } catch {
    // Without storage the draft lives as long as the page.
  }
}

/** A local time of a field as the moment that it means; null where it is none. */
export function momentOf(local: string): string | null {
  const at = new Date(local);
  return local === '' || Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** A figure as a number if it is one, else as it was typed: the server says what is wrong with it. */
function figureOf(typed: string): number | string | null {
  const plain = typed.trim().replace(/[,，\s_]/g, '');
  if (plain === '') return null;
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : typed;
}

/** The fields of the request, as the API takes them. What was left empty is absent. */
export function fieldsOf(draft: Draft): Readonly<Record<string, unknown>> {
  const tokens = figureOf(draft.tokens);
  const cost = figureOf(draft.cost);
  const given = {
    title: draft.title.trim(),
    team: draft.team,
    assignee: draft.assignee.trim(),
    deadline: momentOf(draft.deadline) ?? draft.deadline,
    start_at: momentOf(draft.startAt) ?? draft.startAt,
    language: draft.language,
  };
  return {
    description: draft.description,
    priority: draft.priority,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== '')),
    ...(tokens === null && cost === null ? {} : { budget: { ...(tokens === null ? {} : { tokens }), ...(cost === null ? {} : { cost }) } }),
  };
}
