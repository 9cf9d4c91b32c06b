// Searches that somebody wants to come back to, kept in this browser. An address says the whole search too: a bookmark of it
// goes anywhere.
export interface SavedSearch {
  name: string;
  query: string;
}
export const saved_limit = 30;

const key = (user: string) => `searches:${user}`;

function read(user: string): SavedSearch[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key(user)) ?? '[]');
    if (!Array.isArray(kept)) return [];
    return kept.filter((one) => typeof one?.name === 'string' && typeof one?.query === 'string').slice(0, saved_limit);
  } catch {
    return [];
  }
}

export class SavedSearches {
  all = $state.raw<SavedSearch[]>([]);

  constructor(private readonly user: string) {
    this.all = read(user);
  }

  // One of the same name is replaced.
  add(one: SavedSearch): void {
    this.keep([...this.all.filter((other) => other.name !== one.name), one].slice(-saved_limit));
  }
  remove(name: string): void {
    this.keep(this.all.filter((one) => one.name !== name));
  }

  private keep(next: SavedSearch[]): void {
    this.all = next;
    localStorage.setItem(key(this.user), JSON.stringify(next));
  }
}
