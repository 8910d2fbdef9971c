/** Where on the form the server's words belong. */
import { asProblem, type ApiProblem } from '@/api/problem';
import { explain } from '@/parts/ErrorNote';

const FIELDS = ['description', 'title', 'files', 'team', 'priority', 'assignee', 'deadline', 'start_at', 'delay_s', 'budget', 'budget.tokens', 'budget.cost', 'language'];
/** Problems that are about a field without naming it. */
const OF_CODE: Readonly<Record<string, string>> = {
  TEAM_UNKNOWN: 'team',
  INPUT_UNREADABLE: 'files',
  INPUT_UNSAFE: 'files',
  INPUT_TOO_LARGE: 'files',
};

/** Two of the server's sentences as one text: the first may end without a full stop. */
export function sentences(first: string, second: string): string {
  if (second === '' || first === '') return first || second;
  const isChinese = /\p{Script=Han}/u.test(first);
  const stop = /[.!?。！？]$/.test(first) ? '' : isChinese ? '。' : '.';
  return `${first}${stop}${isChinese ? '' : ' '}${second}`;
}

export interface Placed {
  /** Messages by field. */
  readonly at: ReadonlyMap<string, readonly string[]>;
  /** What belongs to no field; null where all is said at the fields. */
  readonly rest: ApiProblem | null;
}

export function placed(error: unknown): Placed {
  if (error === null || error === undefined) return { at: new Map(), rest: null };
  const problem = asProblem(error);
  const at = new Map<string, string[]>();
  const put = (field: string, message: string) => at.set(field, [...(at.get(field) ?? []), message]);
  const ofCode = OF_CODE[problem.code];
  if (ofCode !== undefined) {
    const { title, detail, toDo } = explain(problem);
    put(ofCode, sentences(detail || title, toDo));
    return { at, rest: null };
  }
  const known = problem.fields.filter((one) => FIELDS.includes(one.field));
  for (const one of known) put(one.field, one.message);
  return { at, rest: known.length > 0 && known.length === problem.fields.length ? null : problem };
}
