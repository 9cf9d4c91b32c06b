// The public API, with the types of its description. Changes carry the session's token (X-CSRF-Token).
import { language } from '../language.svelte';
import type { components, paths } from './description';

export type Schemas = components['schemas'];
type Method = 'get' | 'post' | 'patch' | 'delete';
type OperationAt<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type JsonOf<R> = R extends { content: { 'application/json': infer Value } } ? Value : never;
type AnswerOf<O> = O extends { responses: infer R } ? { [Status in keyof R]: Status extends 200 | 201 | 202 ? JsonOf<R[Status]> : never }[keyof R] : never;
type BodyOf<O> = O extends { requestBody?: { content: { 'application/json': infer Body } } } ? Partial<Body> : never;
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P][M] extends undefined ? never : P }[keyof paths];

interface Given<Body> {
  path?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: Body;
}

// What went wrong, as the API tells it (RFC 9457); code "unreachable" when there was no answer.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: { pointer: string; code: string; detail: string }[] = [],
    readonly retry_after = 0,
  ) {
    super(detail);
  }
  // What is wrong with one field of the body, such as "/password".
  of_field(name: string): string | undefined {
    return this.errors.find((error) => error.pointer === `/${name}`)?.detail;
  }
}

const access = { csrf: '', ended: () => {} };
export const set_csrf_token = (token: string) => (access.csrf = token);
// Called when the server does not know the session any more.
export const on_session_end = (call: () => void) => (access.ended = call);

function address(template: string, given: Given<unknown>): string {
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given.path?.[name] ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given.query ?? {}))
    if (value !== undefined && value !== '') query.set(name, String(value));
  return query.size > 0 ? `${path}?${query}` : path;
}

async function problem_of(response: Response): Promise<Problem> {
  const told = await response.json().catch(() => ({}));
  return new Problem(response.status, told.code ?? 'internal', told.detail ?? response.statusText, told.errors ?? [], Number(response.headers.get('Retry-After') ?? 0));
}

async function ask(method: Method, template: string, given: Given<unknown>): Promise<unknown> {
  const headers: Record<string, string> = { 'Accept-Language': language() };
  if (method !== 'get' && access.csrf) headers['X-CSRF-Token'] = access.csrf;
  if (given.body !== undefined) headers['Content-Type'] = 'application/json';
  const request: RequestInit = { method: method.toUpperCase(), headers };
  if (given.body !== undefined) request.body = JSON.stringify(given.body);
  const response = await fetch(address(template, given), request).catch(() => {
    throw new Problem(0, 'unreachable', '');
  });
  if (response.ok) return response.json();
  const problem = await problem_of(response);
  if (problem.code === 'session_ended' || problem.code === 'authentication_required') access.ended();
  throw problem;
}

export const get = <P extends PathsWith<'get'>>(path: P, given: Given<never> = {}) =>
  ask('get', path, given) as Promise<AnswerOf<OperationAt<P, 'get'>>>;
export const post = <P extends PathsWith<'post'>>(path: P, given: Given<BodyOf<OperationAt<P, 'post'>>> = {}) =>
  ask('post', path, given) as Promise<AnswerOf<OperationAt<P, 'post'>>>;
export const patch = <P extends PathsWith<'patch'>>(path: P, given: Given<BodyOf<OperationAt<P, 'patch'>>> = {}) =>
  ask('patch', path, given) as Promise<AnswerOf<OperationAt<P, 'patch'>>>;
export const remove = <P extends PathsWith<'delete'>>(path: P, given: Given<never> = {}) =>
  ask('delete', path, given) as Promise<AnswerOf<OperationAt<P, 'delete'>>>;

export const as_problem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, 'console', error instanceof Error ? error.message : String(error));
