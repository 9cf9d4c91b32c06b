// What comes from the server: its value, that it is on its way, or what went wrong.
import { as_problem, type Problem } from './api/client';

export class Loaded<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  is_busy = $state(true);
  protected turn = 0;

  constructor(protected readonly read: () => Promise<T>) {}

  // The former value stays until the new one is there.
  async reload(): Promise<void> {
    const turn = ++this.turn;
    this.is_busy = true;
    try {
      const value = await this.read();
      if (turn !== this.turn) return;
      this.value = value;
      this.problem = undefined;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = as_problem(error);
    }
    this.is_busy = false;
  }
}

// Reads at once, and again when what `read` looks at before its first wait has changed. For the top of a component.
export function loaded<T>(read: () => Promise<T>): Loaded<T> {
  const it = new Loaded(read);
  $effect(() => {
    void it.reload();
  });
  return it;
}

export interface Page<Row> {
  data: readonly Row[];
  next_cursor?: string | null;
}

// A list that comes page by page; its value is all that was read so far. Reading it again begins at its first page.
export class Paged<Row> extends Loaded<Page<Row>> {
  readonly more = new Change();

  constructor(private readonly page_at: (cursor: string) => Promise<Page<Row>>) {
    super(() => page_at(''));
  }

  read_on(): Promise<boolean> {
    return this.more.run(async () => {
      const turn = this.turn;
      const page = await this.page_at(this.value!.next_cursor!);
      if (turn === this.turn) this.value = { data: [...this.value!.data, ...page.data], next_cursor: page.next_cursor };
    });
  }
}

// As `loaded`, for what comes page by page; the cursor of the first page is empty.
export function paged<Row>(page_at: (cursor: string) => Promise<Page<Row>>): Paged<Row> {
  const it = new Paged(page_at);
  $effect(() => {
    void it.reload();
  });
  return it;
}

// Calls `work` every so often while the page is looked at. For the top of a component.
export function while_visible(seconds: number, work: () => void): void {
  $effect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && work(), seconds * 1000);
    return () => clearInterval(timer);
  });
}

// One change at a time: that it runs, and what went wrong with it.
export class Change {
  is_busy = $state(false);
  problem = $state.raw<Problem>();

  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.is_busy) return false;
    this.is_busy = true;
    this.problem = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem = as_problem(error);
      return false;
    } finally {
      this.is_busy = false;
    }
  }
}
