/**
 * Keeps a list: loads the pages that are looked at, patches rows from events, asks anew where events cannot tell.
 *
 * Hides pages, places and pauses. Invariants: a page is asked for once at a time; events are drawn at most every
 * `DRAW_MS`, and the server is asked because of them at most every `REST_MS`, however many come.
 */
import { asProblem, type ApiProblem } from '@/api/problem';
import type { Delivery } from '@/connection/connection';
import { EMPTY_LIST, withDeliveries, withoutRow, withPage, withRow, type TaskList } from './list';
import type { TaskRow } from './row';
import { fits, isFiltered, type TasksSearch } from './search';
import { PAGE_SIZE, type Source } from './source';

const DRAW_MS = 50;
const REST_MS = 2000;

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
    void this.#load();
  }

  /** Ask anew for what is looked at; the rest when it is. */
  reload(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#underway.clear();
    this.#source = this.#makeSource();
    this.#loaded.clear();
    this.#isStale = false;
    void this.#load();
  }

  hear(delivery: Delivery): void {
    this.#heard.push(delivery);
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
    if (next.list !== this.#shown.list) this.#show({ list: next.list });
    if (next.isStale) this.#askAnew();
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
      return next === undefined ? [] : [next];
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
            this.#show({ list: withPage(this.#shown.list, number * PAGE_SIZE, page), isFirst: false, problem: null });
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
