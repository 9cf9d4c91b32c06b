// What webhooks can be told of, and how they are, for the screens about them.
import type { Schemas } from './client';
import { word } from '../language.svelte';
import { is_of_server } from '../session.svelte';

export type Webhook = Schemas['Webhook'];
export type Attempt = Schemas['WebhookAttempt'];

// The names of events, as the API has them; those of the catalogues look alike.
export const kinds = (topic: string, ...names: string[]): string[] => names.map((name) => `${topic}.${name}`);
const of_messages = kinds('message', 'accepted', 'deferred', 'delivered', 'bounced', 'complained', 'opened', 'clicked', 'held', 'released', 'expired', 'dropped', 'suppressed', 'unsubscribed', 'auto_reply');
const of_tenants = [...kinds('domain', 'status_changed'), ...kinds('suppression', 'created', 'deleted'), ...kinds('quota', 'reached'), ...kinds('tenant', 'warned', 'slowed', 'held', 'released')];
const of_the_server = [...kinds('source', 'drained', 'resumed', 'listed', 'delisted', 'warm_up_step'), ...kinds('certificate', 'issued', 'renewed', 'failed', 'expiring')];
// A tenant never hears of the last ones.
export const event_types = (): string[] => [...of_messages, ...of_tenants, ...(is_of_server() ? of_the_server : [])];
export const type_name = (type: string): string => (/^(message|webhook)\./.test(type) ? word('webhook_event', type.replace(/^\w+\./, '')) : word('event', type));

export type State = 'off' | 'failing' | 'on' | 'new';
export const state_of = (it: Webhook): State => (!it.enabled ? 'off' : it.failing_since ? 'failing' : it.last_success_at ? 'on' : 'new');
export const tones = { off: 'plain', failing: 'bad', on: 'good', new: 'plain' } as const;

// JSON as people read it; anything else as it is.
export function readable(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
