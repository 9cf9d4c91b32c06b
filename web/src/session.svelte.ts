// Who uses the console, and what that one may do.
import { get, on_session_end, post, remove, set_csrf_token, type Schemas } from './api/client';
import { use_language, type Language } from './language.svelte';
import { go } from './route.svelte';

type Person = Schemas['Session'];

let person = $state.raw<Person | undefined>();
let is_known = $state(false);
// There may be a session: its cookie is hidden from scripts.
const mark = 'session';

export const who = () => person;
export const session_is_known = () => is_known;
export const may = (scope: string): boolean => person?.scopes.includes(scope) ?? false;
// Somebody of the whole server, who names the tenant.
export const is_of_server = (): boolean => person !== undefined && person.tenant === null;

export async function enter(as: Person): Promise<void> {
  set_csrf_token(as.csrf_token);
  if (!localStorage.getItem('language')) await use_language(as.language as Language);
  person = as;
  is_known = true;
  if (location.pathname === '/sign-in') go('/', 'replace');
  localStorage.setItem(mark, '1');
}

function leave(): void {
  person = undefined;
  set_csrf_token('');
  localStorage.removeItem(mark);
}

// A provider has sent the browser back, with a session.
function arrive(): void {
  if (location.pathname !== '/signed-in') return;
  localStorage.setItem(mark, '1');
  const before = sessionStorage.getItem('after_sign_in') ?? '/';
  sessionStorage.removeItem('after_sign_in');
  go(before, 'replace');
}

export async function find_session(): Promise<void> {
  on_session_end(leave);
  arrive();
  if (localStorage.getItem(mark)) await get('/api/v1/session').then(enter, () => undefined);
  is_known = true;
}

export async function log_in(login: string, password: string, code: string): Promise<void> {
  await enter(await post('/api/v1/session', { body: code ? { login, password, code } : { login, password } }));
}

export async function log_out(): Promise<void> {
  await remove('/api/v1/session').catch(() => undefined);
  leave();
}
