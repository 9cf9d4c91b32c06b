// What webhooks can be told of, and how they are, for the screens about them.
import type { Schemas } from './client';

export type Webhook = Schemas['Webhook'];
export type Attempt = Schemas['WebhookAttempt'];

export const event_types = ['accepted', 'deferred', 'delivered', 'bounced', 'complained', 'opened', 'clicked', 'held', 'released', 'expired', 'dropped', 'suppressed', 'unsubscribed', 'auto_reply'].map(
  (name) => `message.${name}`,
);

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
