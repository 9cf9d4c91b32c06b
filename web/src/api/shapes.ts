// Members that the description leaves open.
export interface DnsRecord {
  purpose: string;
  need: 'required' | 'recommended' | 'optional';
  zone: 'domain' | 'service';
  name: string;
  host: string;
  type: string;
  ttl: number;
  value: string;
  cname_instead: string | null;
  status: 'unknown' | 'missing' | 'differs' | 'found';
  found: string[];
  remark: string;
  why: string;
  action: string;
}

export interface Destination {
  destination: string;
  site: string | null;
  provider: string | null;
  route: string;
  ready: number;
  waiting: number;
  active: number;
  connections: number;
  suspended: boolean;
  suspension_reason: string | null;
  hindrance: string | null;
  last_problem: string | null;
  next_connection_at: string | null;
}

export interface TenantLoad {
  tenant: string | null;
  ready: number;
  waiting: number;
  oldest: string | null;
}

export interface Lane {
  source: string;
  ready: number;
  connections: number;
  connection_limit: number;
  state: 'open' | 'slowed' | 'paused' | 'blocked';
  accepted_rate: number;
  messages_of_hour: number;
  until: string | null;
  last_problem: string | null;
  why: string | null;
}

export interface Site {
  site: string;
  provider: string | null;
  shaping_key: string;
  destinations: number;
  ready: number;
  waiting: number;
  active: number;
  suspended: boolean;
  sources: Lane[];
}

export interface Source {
  name: string;
  state: 'active' | 'drained';
  drain: { by: string; reason: string | null; since: string | null; until: string | null } | null;
  ehlo_name: string;
  ipv4: boolean;
  ipv6: boolean;
  addresses: { address: string; status?: string; names?: string[]; problem?: string }[];
  pools: { name: string; weight: number; share: number }[];
}

export interface Session {
  id: string;
  user: string;
  peer: string;
  user_agent: string | null;
  created_at: string;
  last_seen_at: string;
  expires_at: string;
}

export interface AuditEntry {
  id: string;
  at: string;
  who: { kind: string; id: string; name: string };
  tenant: string | null;
  operation: string;
  object_type: string | null;
  object_id: string | null;
  peer: string | null;
  outcome: string;
  detail: Record<string, unknown>;
}
