// Passkeys: what the API asks for in the form that browsers take, and their answers in the form that the API takes (Web
// Authentication Level 3 §5.1).
import { post, Problem, type Schemas } from './api/client';

// Octets are in base64url.
interface CreationOptions extends Omit<PublicKeyCredentialCreationOptions, 'challenge' | 'user' | 'excludeCredentials'> {
  challenge: string;
  user: { id: string; name: string; displayName: string };
  excludeCredentials: { type: 'public-key'; id: string }[];
}
interface RequestOptions extends Omit<PublicKeyCredentialRequestOptions, 'challenge' | 'allowCredentials'> {
  challenge: string;
}

function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0));
}
function base64url(buffer: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(buffer), (octet) => String.fromCharCode(octet)).join('');
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// Whether this browser can use passkeys of `host` on this page: they are kept for host names alone.
export const passkeys_work_here = (host: string | null | undefined): boolean =>
  host === location.hostname && window.isSecureContext && 'PublicKeyCredential' in window;

const codes: Record<string, string> = { NotAllowedError: 'passkey_cancelled', AbortError: 'passkey_cancelled', InvalidStateError: 'passkey_known' };

// What the browser refuses, in our words; the person has seen its own before.
async function ask_browser(work: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  const made = await work().catch((error: unknown) => {
    throw new Problem(0, codes[error instanceof DOMException ? error.name : ''] ?? 'passkey_unsupported', String(error));
  });
  if (!(made instanceof PublicKeyCredential)) throw new Problem(0, 'passkey_unsupported', '');
  return made;
}

export async function add_passkey(name: string, password: string): Promise<void> {
  const asked = (await post('/api/v1/session/passkeys/begin', { body: { password } })).public_key as unknown as CreationOptions;
  const made = await ask_browser(() =>
    navigator.credentials.create({
      publicKey: {
        ...asked,
        challenge: octets(asked.challenge),
        user: { ...asked.user, id: octets(asked.user.id) },
        excludeCredentials: asked.excludeCredentials.map((key) => ({ type: key.type, id: octets(key.id) })),
      },
    }),
  );
  const answer = made.response as AuthenticatorAttestationResponse;
  // Browsers of before 2024 keep it inside of the attestation, which nobody here reads.
  if (typeof answer.getAuthenticatorData !== 'function') throw new Problem(0, 'passkey_unsupported', '');
  await post('/api/v1/session/passkeys', {
    body: { name, client_data: base64url(answer.clientDataJSON), authenticator_data: base64url(answer.getAuthenticatorData()) },
  });
}

export async function sign_in_with_passkey(): Promise<Schemas['Session']> {
  const asked = (await post('/api/v1/session/passkey-sign-in/begin')).public_key as unknown as RequestOptions;
  const made = await ask_browser(() =>
    navigator.credentials.get({ publicKey: { ...asked, challenge: octets(asked.challenge), allowCredentials: [] } }),
  );
  const answer = made.response as AuthenticatorAssertionResponse;
  return post('/api/v1/session/passkey-sign-in', {
    body: {
      credential: base64url(made.rawId),
      user_handle: base64url(answer.userHandle ?? new ArrayBuffer(0)),
      client_data: base64url(answer.clientDataJSON),
      authenticator_data: base64url(answer.authenticatorData),
      signature: base64url(answer.signature),
    },
  });
}
