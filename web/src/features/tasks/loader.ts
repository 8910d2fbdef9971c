/**
 * Keeps a list: loads the pages that are looked at, patches rows from events, asks anew where events cannot tell.
 *
 * Hides pages, places and pauses. Invariants: a page is asked for once at a time; events are drawn at most every
 * `DRAW_MS`, and the server is asked because of them at most every `REST_MS`, however many come; rows are kept for
 * what is looked at, what is selected and `AROUND` places before and after, however long the list stands.
 */
import { asProblem, type ApiProblem } from '@/api/problem';
import type { Delivery } from '@/connection/connection';
import { bounded, EMPTY_LIST, withDeliveries, withoutRow, withPage, withRow, type TaskList } from './list';
import type { TaskRow } from './row';
import { fits, isFiltered, type TasksSearch } from './search';
import { PAGE_SIZE, type Source } from './source';

const DRAW_MS = 50;
const REST_MS = 2000;
/** Places kept before and after those that are looked at. */
const AROUND = 5 * PAGE_SIZE;
/** Rows beyond the bound before it is drawn again, so that it is not at each event. */
const SLACK = 2 * PAGE_SIZE;
/** Events at once, as after a night in a hidden tab: asking anew costs less than applying them. */
const MAX_HEARD = 5000;

export interface Shown {
  readonly list: TaskList;
  /** Nothing is known yet. */
  readonly isFirst: boolean;
  readonly problem: ApiProblem | null;
}

export class TaskLoader {
  readonly #search: TasksSearch;
  readonly #makeSource: () => Source;
  #source: Source;
  #shown: Shown;
  #abort = new AbortController();
  readonly #listeners = new Set<() => void>();
  readonly #loaded = new Set<number>();
  readonly #underway = new Set<number>();
  #heard: Delivery[] = [];
  #drawing: ReturnType<typeof setTimeout> | null = null;
  #resting: ReturnType<typeof setTimeout> | null = null;
  #isStale = false;
  /** Places that are looked at. */
  #first = 0;
  #last = 0;
  #pinned: ReadonlySet<string> = new Set();
  /** Where a page follows the one before it: the last row of each page, by number. */
  readonly #ends = new Map<number, string>();

  constructor(search: TasksSearch, makeSource: () => Source, kept: TaskList | null = null) {
    this.#search = search;
    this.#makeSource = makeSource;
    this.#source = makeSource();
    this.#shown = { list: kept ?? EMPTY_LIST, isFirst: kept === null, problem: null };
  }

  get shown(): Shown {
    return this.#shown;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#abort = new AbortController();
    this.#underway.clear();
    this.reload();
  }

  stop(): void {
    this.#abort.abort();
    if (this.#drawing !== null) clearTimeout(this.#drawing);
    if (this.#resting !== null) clearTimeout(this.#resting);
    this.#drawing = this.#resting = null;
    this.#heard = [];
    this.#loaded.clear();
  }

  /** Look at these places: what is missing there is loaded. */
  look(first: number, last: number): void {
    this.#first = Math.max(0, first);
    this.#last = Math.max(this.#first, last);
    this.#bound();
    void this.#load();
  }

  /** Keep these wherever they stand, as those that are selected. */
  pin(ids: ReadonlySet<string>): void {
    this.#pinned = ids;
  }

  /** Ask anew for what is looked at; the rest when it is. */
  reload(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#underway.clear();
    this.#source = this.#makeSource();
    this.#loaded.clear();
    this.#ends.clear();
    this.#isStale = false;
    void this.#load();
  }

  hear(delivery: Delivery): void {
    this.#heard.push(delivery);
    if (this.#heard.length > MAX_HEARD) {
      this.#heard = [];
      this.#askAnew();
    }
    this.#drawing ??= setTimeout(() => this.#draw(), DRAW_MS);
  }

  put(row: TaskRow): void {
    this.#show({ list: withRow(this.#shown.list, row) });
  }

  drop(id: string): void {
    this.#show({ list: withoutRow(this.#shown.list, id) });
  }

  #show(changes: Partial<Shown>): void {
    this.#shown = { ...this.#shown, ...changes };
    for (const listener of [...this.#listeners]) listener();
  }

  #draw(): void {
    this.#drawing = null;
    const heard = this.#heard;
    this.#heard = [];
    const now = new Date();
    const next = withDeliveries(this.#shown.list, heard, (row) => fits(row, this.#search, now), isFiltered(this.#search));
    if (next.list !== this.#shown.list) {
      const isMoved = next.list.ids !== this.#shown.list.ids;
      this.#show({ list: next.list });
      this.#bound();
      if (isMoved) {
        this.#forget();
        void this.#load();
      }
    }
    if (next.isStale) this.#askAnew();
  }

  /** Let go of rows that are far from what is looked at. */
  #bound(): void {
    const { list } = this.#shown;
    if (list.rows.size <= this.#last - this.#first + 1 + 2 * AROUND + this.#pinned.size + SLACK) return;
    const next = bounded(list, { first: this.#first, last: this.#last, around: AROUND, isJumping: this.#source.isJumping, pinned: this.#pinned });
    if (next.rows.size === list.rows.size) return;
    this.#shown = { ...this.#shown, list: next };
    this.#forget();
    for (const listener of [...this.#listeners]) listener();
  }

  /** Pages with places that are empty by now are loaded again when they are looked at. */
  #forget(): void {
    const { ids } = this.#shown.list;
    for (const page of [...this.#loaded]) {
      const end = this.#source.isJumping ? undefined : this.#ends.get(page);
      if (end !== undefined && !ids.includes(end)) this.#loaded.delete(page);
      if (end !== undefined) continue;
      const from = page * PAGE_SIZE;
      const to = Math.min(ids.length, from + PAGE_SIZE);
      let at = from;
      while (at < to && ids[at] !== undefined) at += 1;
      if (at < to || from >= ids.length) this.#loaded.delete(page);
    }
  }

  /** Where a page belongs: by its number, or behind the one before it, which events may have moved. */
  #offsetOf(page: number): number {
    const end = this.#source.isJumping ? undefined : this.#ends.get(page - 1);
    const at = end === undefined ? -1 : this.#shown.list.ids.indexOf(end);
    return at < 0 ? page * PAGE_SIZE : at + 1;
  }

  #askAnew(): void {
    this.#isStale = true;
    this.#resting ??= setTimeout(() => {
      this.#resting = null;
      if (this.#isStale) this.reload();
    }, REST_MS);
  }

  /** The pages of the places that are looked at; where pages follow each other, all before them too. */
  #wanted(): readonly number[] {
    const { list } = this.#shown;
    const end = list.ids.length === 0 ? 0 : Math.min(this.#last, list.ids.length - 1 + (list.hasMore ? 1 : 0));
    const last = Math.floor(end / PAGE_SIZE);
    if (!this.#source.isJumping) {
      const next = Array.from({ length: last + 1 }, (_, at) => at).find((at) => !this.#loaded.has(at));
      return next === undefined || this.#offsetOf(next) > end ? [] : [next];
    }
    const first = Math.min(last, Math.floor(this.#first / PAGE_SIZE));
    return Array.from({ length: last - first + 1 }, (_, at) => first + at).filter((at) => !this.#loaded.has(at));
  }

  async #load(): Promise<void> {
    const { signal } = this.#abort;
    await Promise.all(
      this.#wanted()
        .filter((page) => !this.#underway.has(page))
        .map(async (number) => {
          this.#underway.add(number);
          try {
            const page = await this.#source.page(number, signal);
            if (signal.aborted) return;
            this.#underway.delete(number);
            this.#loaded.add(number);
            const offset = this.#offsetOf(number);
            // One that goes from page to page counts what it gave, and events have moved that since.
            const total = this.#source.isJumping || page.total === null ? page.total : offset + page.rows.length;
            const end = page.rows.at(-1);
            if (end) this.#ends.set(number, end.id);
            this.#show({ list: withPage(this.#shown.list, offset, { ...page, total }), isFirst: false, problem: null });
            this.#bound();
            void this.#load();
          } catch (error) {
            if (signal.aborted) return;
            this.#underway.delete(number);
            this.#show({ problem: asProblem(error) });
          }
        }),
    );
  }
}
