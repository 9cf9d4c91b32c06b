// Where the mailboxes of a domain are, as the API writes it: "imaps://imap.example.com:1993".
export const schemes = ['imaps', 'imap', 'pop3s', 'pop3'] as const;
export type Scheme = (typeof schemes)[number];
export const usual_ports: Record<Scheme, number> = { imaps: 993, imap: 143, pop3s: 995, pop3: 110 };
export const most_servers = 4; // of one domain

export interface Server {
  scheme: Scheme;
  host: string;
  port: number;
}

// The server looks closer.
export const is_host = (text: string) => /^[a-z0-9.-]+$/i.test(text.trim());

export function server_of(text: string): Server {
  const [, scheme = 'imaps', host = '', port] = /^(\w+):\/\/([^:/]*)(?::(\d+))?/.exec(text) ?? [];
  return { scheme: scheme as Scheme, host, port: port ? Number(port) : usual_ports[scheme as Scheme] };
}
export const text_of = (server: Server) => `${server.scheme}://${server.host.trim()}:${server.port}`;
