// The filter of the message list as people type it: "state:held domain:example.com". Words without a name are part of an
// address of the recipient, or the id of a message.
export const names = ['id', 'state', 'recipient', 'sender', 'domain', 'destination', 'site', 'tenant'] as const;
export type Name = (typeof names)[number];
export type Filter = Partial<Record<Name, string>>;

export const states = ['waiting', 'active', 'held', 'scheduled', 'quota'] as const;

const is_name = (text: string): text is Name => (names as readonly string[]).includes(text);

export const message_id = (text: string): string | undefined => /\bmsg_[0-9A-Za-z]+/.exec(text)?.[0];

export function parsed(text: string): Filter {
  const filter: Filter = {};
  for (const part of text.split(/\s+/).filter(Boolean)) {
    const colon = part.indexOf(':');
    const name = part.slice(0, colon).toLowerCase();
    if (colon > 0 && is_name(name)) filter[name] = part.slice(colon + 1);
    else if (message_id(part)) filter.id = message_id(part)!;
    else if (part.includes('@')) filter.recipient = part;
    else filter.domain = part;
  }
  return filter;
}

export const as_text = (filter: Filter): string =>
  names.filter((name) => filter[name]).map((name) => `${name}:${filter[name]}`).join(' ');
