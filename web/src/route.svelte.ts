// Where the reader is: the path and query of the address, without reloading the page.
let path = $state(location.pathname);
let query = $state(location.search);

export const current_path = () => path;
export const current_query = () => new URLSearchParams(query);

const read_address = () => {
  path = location.pathname;
  query = location.search;
};

export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  if (how === 'push') history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  read_address();
  if (how === 'push') scrollTo(0, 0);
}

// Links of this site change the address only; those with a target or for another key are the browser's.
export function follow_links(): void {
  addEventListener('popstate', read_address);
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (link.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}

// The values of a pattern such as "/domains/:domain", or undefined if the path is another.
export function matched(pattern: string, of: string): Record<string, string> | undefined {
  const wanted = pattern.split('/');
  const given = of.split('/');
  if (wanted.length !== given.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const value = given[index]!;
    if (part.startsWith(':')) values[part.slice(1)] = decodeURIComponent(value);
    else if (part !== value) return undefined;
  }
  return values;
}
