// What happens to mail, as it happens: calls `changed` soon after each event. While the connection is lost the page says
// so, the browser tries again by itself, and what was missed comes first. Pages share a stream, and it stays open for a while
// after the last: a server gives a user few, and hears late of those that ended.
import { may } from './session.svelte';

const calm = 500; // milliseconds: of many events at once, one look is enough
const linger = 20_000; // longer than a server needs to hear that a stream has ended

class Stream {
  is_lost = $state(false);
  private readonly listeners = new Set<() => void>();
  private source: EventSource | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private end: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly query: string) {}

  private readonly turned = () => (document.visibilityState === 'visible' ? this.open() : this.close());

  listen(listener: () => void): () => void {
    clearTimeout(this.end);
    if (this.listeners.size === 0) document.addEventListener('visibilitychange', this.turned);
    this.listeners.add(listener);
    this.open();
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size > 0) return;
      document.removeEventListener('visibilitychange', this.turned);
      if (this.query) this.close();
      else this.end = setTimeout(() => this.close(), linger);
    };
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private open(): void {
    if (this.source || document.visibilityState !== 'visible' || !may('messages:read')) return;
    clearTimeout(this.again);
    const source = new EventSource(`/api/v1/events/stream${this.query}`);
    this.source = source;
    source.onopen = () => {
      if (this.is_lost) this.tell();
      this.is_lost = false;
    };
    source.onmessage = () => this.tell();
    source.addEventListener('gap', () => this.tell());
    source.onerror = () => {
      this.is_lost = true;
      // The browser gives up after an answer that is no stream: a server that starts, a proxy without one, a session's end.
      if (source.readyState !== EventSource.CLOSED) return;
      this.close();
      if (this.listeners.size > 0) this.again = setTimeout(() => this.open(), 3000);
    };
  }

  private close(): void {
    clearTimeout(this.again);
    this.source?.close();
    this.source = undefined;
  }
}

const of_all = new Stream('');

// `message`: of this one alone. For the top of a component; ends with it, and while nobody looks at the page.
export function live(changed: () => void, message?: () => string): { readonly is_lost: boolean } {
  let stream = $state.raw(of_all);
  $effect(() => {
    const wanted = message ? new Stream(`?message=${encodeURIComponent(message())}`) : of_all;
    stream = wanted;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      timer = setTimeout(changed, calm);
    };
    // Whoever comes back to the page sees at once what there is.
    const turned = () => document.visibilityState === 'visible' && look();
    document.addEventListener('visibilitychange', turned);
    const leave = wanted.listen(look);
    return () => {
      document.removeEventListener('visibilitychange', turned);
      clearTimeout(timer);
      leave();
    };
  });
  return {
    get is_lost() {
      return stream.is_lost;
    },
  };
}
