// What a search finds, page by page. A page may be empty and still have one behind it: then the search goes on by itself
// until something is found, it ends, or somebody stops it.
import { as_problem, get, type Problem, type Schemas } from './api/client';

export type Found = Schemas['FoundMessage'];
export interface Search {
  query: string;
  tenant: string;
}

const page_of = (search: Search, limit: number, cursor: string | null) =>
  get('/api/v1/messages', { query: { query: search.query, tenant: search.tenant, limit, cursor: cursor ?? undefined } });

export class FoundMessages {
  rows = $state.raw<Found[]>([]);
  next = $state.raw<string | null>(null);
  problem = $state.raw<Problem>();
  is_busy = $state(true);
  is_known = $state(false); // something was answered, or nothing more will be
  looked = $state(0); // pages without anything, in a row
  private turn = 0;

  constructor(private readonly limit: number) {}

  // From the newest; what is shown stays until there is an answer.
  async begin(search: Search): Promise<void> {
    await this.read(search, [], null);
  }
  async go_on(search: Search): Promise<void> {
    if (this.next && !this.is_busy) await this.read(search, this.rows, this.next);
  }
  stop(): void {
    ++this.turn;
    this.is_busy = false;
    this.is_known = true;
  }

  private async read(search: Search, before: Found[], from: string | null): Promise<void> {
    const turn = ++this.turn;
    this.is_busy = true;
    this.looked = 0;
    try {
      for (let cursor = from; ; ) {
        const page = await page_of(search, this.limit, cursor);
        if (turn !== this.turn) return;
        this.problem = undefined;
        this.rows = [...before, ...page.data];
        this.next = cursor = page.next_cursor;
        if (page.data.length > 0 || cursor === null) break;
        ++this.looked;
      }
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = as_problem(error);
    }
    this.is_known = true;
    this.is_busy = false;
  }
}

// All of it, for a file.
export class AllFound {
  static readonly limit = 100_000;
  count = $state(0);
  is_cut = $state(false);
  private is_wanted = true;

  stop(): void {
    this.is_wanted = false;
  }

  // Nothing if it was stopped.
  async read(search: Search): Promise<Found[] | undefined> {
    const rows: Found[] = [];
    for (let cursor: string | null = null; this.is_wanted; ) {
      const page: Awaited<ReturnType<typeof page_of>> = await page_of(search, 500, cursor);
      rows.push(...page.data);
      this.count = rows.length;
      cursor = page.next_cursor;
      this.is_cut = cursor !== null && rows.length >= AllFound.limit;
      if (cursor === null || this.is_cut) return this.is_wanted ? rows : undefined;
    }
    return undefined;
  }
}
