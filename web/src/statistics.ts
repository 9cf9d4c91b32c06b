// What statistics are asked for, as the address of the page says it, and the figures that charts and tables show.
import { get, type Schemas } from './api/client';
import { moment_of } from './search';

export type Counts = Schemas['Counts'];
export const dimensions = ['tag', 'credential', 'domain', 'site', 'source', 'stream', 'class', 'tenant'] as const;
export type Dimension = (typeof dimensions)[number];
export const resolutions = ['minute', 'hour', 'day'] as const;
export type Resolution = (typeof resolutions)[number];
export const periods = ['day', 'week', 'month'] as const;
export type Period = (typeof periods)[number] | 'own';

const hour = 3_600_000;
const length_of: Record<(typeof periods)[number], number> = { day: 24 * hour, week: 7 * 24 * hour, month: 30 * 24 * hour };
export const step_of: Record<Resolution, number> = { minute: 60, hour: 3600, day: 86_400 }; // seconds
const points_limit = 1500;

export interface Question {
  period: Period;
  from: Date;
  to: Date;
  resolution: Resolution | undefined; // undefined: as suits the period
  tenant: string;
  by: Dimension | undefined;
  name: string;
}

const is_one_of = <T extends string>(all: readonly T[], text: string | null): text is T => (all as readonly string[]).includes(text ?? '');
// A day of the reader's calendar: its beginning.
function day_of(text: string | null): Date | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text ?? '');
  return parts ? new Date(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3])) : undefined;
}
export const day_text = (day: Date): string => [day.getFullYear(), String(day.getMonth() + 1).padStart(2, '0'), String(day.getDate()).padStart(2, '0')].join('-');

export function question_of(query: URLSearchParams, now = new Date()): Question {
  const first = day_of(query.get('from'));
  const last = day_of(query.get('to'));
  const is_own = first !== undefined && last !== undefined && first <= last && first < now;
  const given = query.get('period');
  const period = is_own ? 'own' : is_one_of(periods, given) ? given : 'day';
  const end = is_own ? new Date(last.getFullYear(), last.getMonth(), last.getDate() + 1) : now;
  const to = end < now ? end : now;
  const from = period === 'own' ? first! : new Date(now.getTime() - length_of[period]);
  const wanted = query.get('resolution');
  const by = query.get('by');
  const name = query.get('name') ?? '';
  const question: Question = { period, from, to, resolution: undefined, tenant: query.get('tenant') ?? '', by: is_one_of(dimensions, by) && name ? by : undefined, name };
  if (is_one_of(resolutions, wanted) && suits(wanted, question)) question.resolution = wanted;
  return question;
}

// Whether a chart of that many points can be drawn, and whether steps so small are kept so long.
export function suits(resolution: Resolution, { from, to }: Question, now = Date.now()): boolean {
  const points = (to.getTime() - from.getTime()) / 1000 / step_of[resolution];
  const age = now - from.getTime();
  if (resolution === 'minute') return points < points_limit && age <= 25 * hour;
  return points < points_limit && points > 1 && (resolution === 'day' || age <= 60 * 24 * hour);
}

// As long a time that ends where the other begins.
export function before(question: Question): Question {
  return { ...question, from: new Date(2 * question.from.getTime() - question.to.getTime()), to: question.from };
}

const span = ({ from, to, tenant }: Question) => ({ from: moment_of(from), to: moment_of(to), tenant });
const filter = ({ by, name }: Question) => (by ? { by, name } : {});

export const series_of = (question: Question) => get('/api/v1/statistics/series', { query: { ...span(question), ...filter(question), resolution: question.resolution } });
export const totals_of = async (question: Question) => (await get('/api/v1/statistics/totals', { query: { ...span(question), ...filter(question), resolution: question.resolution } })).totals;
export const rows_by = (question: Question, by: Dimension, limit: number) => get('/api/v1/statistics/breakdown', { query: { ...span(question), by, limit } });
export const replies_of = (question: Question, site: string, language: string) =>
  get('/api/v1/statistics/breakdown', { query: { ...span(question), by: 'reply', site, language, limit: 20 } });

export const bounced = (counts: Counts): number => counts.bounced_hard + counts.bounced_soft + counts.bounced_block;
// Of those that came to an end; nothing: none did.
export function share(part: number, counts: Counts): number | undefined {
  const ended = counts.delivered + bounced(counts) + counts.expired;
  return ended > 0 ? part / ended : undefined;
}
// Of what was delivered.
export const share_of_delivered = (part: number, counts: Counts): number | undefined => (counts.delivered > 0 ? part / counts.delivered : undefined);

// From where on people should look at it, and where receivers begin to refuse.
const bands = { bounced: [0.02, 0.05], complained: [0.001, 0.003] } as const;
export function tone_of(what: keyof typeof bands, rate: number | undefined): 'good' | 'warn' | 'bad' {
  const [warn, bad] = bands[what];
  return rate === undefined || rate < warn ? 'good' : rate < bad ? 'warn' : 'bad';
}

// The search for the mail that was counted; nothing where the language of the search has no word for it.
export function search_of(question: Question, status = ''): string | undefined {
  const word = question.by === 'tag' ? `tag:${/\s/.test(question.name) ? `"${question.name}"` : question.name}` : question.by === 'domain' ? `from:@${question.name}` : '';
  if (question.by && !word) return undefined;
  return [status && `status:${status}`, word, `after:${moment_of(question.from)}`, `before:${moment_of(question.to)}`].filter(Boolean).join(' ');
}
