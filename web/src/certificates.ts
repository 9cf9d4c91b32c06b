// How a certificate that comes by itself is, in one word.
import type { Schemas } from './api/client';

export type CertificateState = 'good' | 'ordered' | 'due' | 'expired' | 'missing';

export function certificate_state(one: Schemas['Certificate']): CertificateState {
  if (one.being_ordered) return 'ordered';
  if (one.state === 'missing' || one.state === 'expired') return one.state;
  return one.failures > 0 ? 'due' : 'good';
}
