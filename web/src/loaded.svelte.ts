// What comes from the server: its value, that it is on its way, or what went wrong.
import { as_problem, type Problem } from './api/client';

export class Loaded<T> {
  value = $state.raw<T>();
  problem = $state.raw<Problem>();
  is_busy = $state(true);
  private turn = 0;

  constructor(private readonly read: () => Promise<T>) {}

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
