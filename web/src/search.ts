// The language of GET /messages, as people type it: words that must all hold, such as to:ana@ or tag:"New customer". An
// address, a domain or an id may stand alone.
export const names = ['to', 'from', 'domain', 'subject', 'tag', 'status', 'after', 'before', 'id'] as const;
export type Name = (typeof names)[number];
export const statuses = ['delivered', 'bounced', 'deferred', 'waiting', 'scheduled', 'held', 'expired', 'suppressed', 'dropped', 'opened', 'clicked', 'complained', 'unsubscribed'] as const;
export type Status = (typeof statuses)[number];
export const search_octets = 1000;

export interface Word {
  name: Name | ''; // '': stands alone
  value: string;
}

const is_name = (text: string): text is Name => (names as readonly string[]).includes(text);

export const message_id = (text: string): string | undefined => /\bmsg_[0-9A-Za-z]+/.exec(text)?.[0];

// A quotation mark begins a word or follows its colon; one without an end holds to the end of the text.
export function words_of(text: string): Word[] {
  return [...text.matchAll(/(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/gi)]
    .map(([whole, name = '', quoted, plain]) => {
      const known = name.toLowerCase();
      return is_name(known) ? { name: known, value: quoted ?? plain ?? '' } : { name: '' as const, value: quoted ?? whole };
    })
    .filter((word) => word.value);
}

const text_of_word = ({ name, value }: Word): string => {
  const plain = value.replaceAll('"', '');
  const shown = /\s/.test(plain) ? `"${plain}"` : plain;
  return name ? `${name}:${shown}` : shown;
};
export const text_of = (words: Word[]): string => words.map(text_of_word).join(' ');

// The same search with that word, or without it if it was there. Words other than tag and subject hold once.
export function toggled(words: Word[], word: Word): Word[] {
  const rest = words.filter((one) => text_of_word(one) !== text_of_word(word));
  if (rest.length < words.length) return rest;
  const is_single = word.name !== 'tag' && word.name !== 'subject';
  return [...rest.filter((one) => !is_single || one.name !== word.name), word];
}

export const address_of = (query: string, tenant = ''): string => {
  const given = new URLSearchParams();
  if (query) given.set('q', query);
  if (tenant) given.set('tenant', tenant);
  return given.size > 0 ? `/messages?${given}` : '/messages';
};

// The word that the caret stands in: where it begins, and what of it is typed.
export function word_at(text: string, caret: number): { start: number; typed: string } {
  const before = text.slice(0, caret);
  const is_quoted = (before.match(/"/g)?.length ?? 0) % 2 === 1;
  const quote = before.lastIndexOf('"');
  const start = is_quoted ? before.lastIndexOf(' ', quote) + 1 : before.lastIndexOf(' ') + 1;
  return { start, typed: before.slice(start) };
}

// A day as the language writes it, that many days ago; its days are those of UTC.
export const day_before = (days: number, now = new Date()): string => new Date(now.getTime() - days * 86_400_000).toISOString().slice(0, 10);
export const moment_of = (at: Date): string => `${at.toISOString().slice(0, 19)}Z`;
