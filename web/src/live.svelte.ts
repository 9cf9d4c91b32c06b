// What happens to mail, as it happens: calls `changed` soon after each event. While the connection is lost the page says
// so, the browser tries again by itself, and what was missed comes first.
import { may } from './session.svelte';

const calm = 500; // milliseconds: of many events at once, one look is enough

class Live {
  is_lost = $state(false);
}

// `message`: of this one alone. For the top of a component; ends with it, and while nobody looks at the page.
export function live(changed: () => void, message?: () => string): Live {
  const it = new Live();
  $effect(() => {
    const query = message ? `?message=${encodeURIComponent(message())}` : '';
    let stream: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let again: ReturnType<typeof setTimeout> | undefined;
    const look = () => {
      clearTimeout(timer);
      timer = setTimeout(changed, calm);
    };
    const close = () => {
      clearTimeout(again);
      stream?.close();
      stream = undefined;
    };
    function open() {
      if (stream || document.visibilityState !== 'visible' || !may('messages:read')) return;
      stream = new EventSource(`/api/v1/events/stream${query}`);
      stream.onopen = () => {
        if (it.is_lost) look();
        it.is_lost = false;
      };
      stream.onmessage = look;
      stream.addEventListener('gap', look);
      stream.onerror = () => {
        it.is_lost = true;
        // The browser gives up after an answer that is no stream: a server that starts, a proxy without one.
        if (stream?.readyState !== EventSource.CLOSED) return;
        close();
        again = setTimeout(open, 3000);
      };
    }
    const turned = () => (document.visibilityState === 'visible' ? (open(), look()) : close());
    document.addEventListener('visibilitychange', turned);
    open();
    return () => {
      document.removeEventListener('visibilitychange', turned);
      clearTimeout(timer);
      close();
    };
  });
  return it;
}
