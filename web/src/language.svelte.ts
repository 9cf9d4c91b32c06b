// Texts, numbers and times in the reader's language. Components name texts by key; the catalogues are
// messages/es.json and messages/en.json. A text with a number has a key for each plural form: "STEM.one".
import type messages from './messages/en.json';

export type Language = 'es' | 'en';
export type Key = keyof typeof messages;
type Stem<K> = K extends `${infer Text}.other` ? Text : never;
export type PluralKey = Stem<Key>;
export type Values = Record<string, string | number>;

let current = $state<Language>('es');
let texts = $state.raw<Record<string, string>>({});

export const language = () => current;

async function catalogue(of: Language): Promise<Record<string, string>> {
  const found = of === 'es' ? await import('./messages/es.json') : await import('./messages/en.json');
  return found.default;
}

export async function use_language(next: Language): Promise<void> {
  const loaded = await catalogue(next);
  texts = loaded;
  current = next;
  document.documentElement.lang = next;
}

// The choice of a person on this device; it comes before what the account says.
export async function choose_language(next: Language): Promise<void> {
  localStorage.setItem('language', next);
  await use_language(next);
}

export async function start_language(): Promise<void> {
  const kept = localStorage.getItem('language');
  const first = kept ?? navigator.languages.find((name) => /^(es|en)\b/.test(name)) ?? 'es';
  await use_language(first.startsWith('en') ? 'en' : 'es');
}

const filled = (text: string, values: Values) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === 'number' ? number(value) : value;
  });

export const t = (key: Key, values: Values = {}): string => filled(texts[key] ?? key, values);

export function plural(key: PluralKey, count: number, values: Values = {}): string {
  const form = new Intl.PluralRules(current).select(count);
  const text = texts[`${key}.${form}`] ?? texts[`${key}.other`] ?? key;
  return filled(text, { count, ...values });
}

// A text that may be missing: words of the API that the catalogue does not know are shown as they are.
export const word = (stem: string, name: string | null | undefined): string =>
  name ? (texts[`${stem}.${name}`] ?? name) : '';
export const has_text = (key: string): boolean => key in texts;

// What events tell in both languages: "title", and "title_es" beside it.
export function in_language(facts: Record<string, unknown>, name: string): string {
  const text = (current === 'es' && facts[`${name}_es`]) || facts[name];
  return typeof text === 'string' ? text : '';
}

export const number = (value: number): string => new Intl.NumberFormat(current).format(value);

// A share of one, as "12.3 %".
export const percent = (share: number | undefined): string =>
  share === undefined ? '–' : new Intl.NumberFormat(current, { style: 'percent', maximumFractionDigits: share < 0.1 || (share > 0.99 && share < 1) ? 2 : 1 }).format(share);

// A time that something took, in the unit that suits it.
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return '–';
  const [unit, size] = ([['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]] as const).find((step) => seconds >= step[1] * 1.5) ?? (['millisecond', 0.001] as const);
  const value = Math.round((seconds / size) * 1000) / 1000;
  return new Intl.NumberFormat(current, { style: 'unit', unit, maximumFractionDigits: value < 10 ? 1 : 0 }).format(value);
}

export function octets(value: number): string {
  const unit = value < 1000 ? 'byte' : value < 1e6 ? 'kilobyte' : 'megabyte';
  const scaled = unit === 'byte' ? value : unit === 'kilobyte' ? value / 1e3 : value / 1e6;
  // Short, a byte has no plural in English: "365 byte".
  const unitDisplay = unit === 'byte' ? 'long' : 'short';
  return new Intl.NumberFormat(current, { style: 'unit', unit, unitDisplay, maximumFractionDigits: scaled < 10 ? 1 : 0 }).format(scaled);
}

export const full_time = (at: Date): string =>
  new Intl.DateTimeFormat(current, { dateStyle: 'medium', timeStyle: 'medium' }).format(at);

// The begin of a step of statistics: days without their hour. Steps of days are those of UTC.
export const step_time = (at: Date, seconds: number): string =>
  new Intl.DateTimeFormat(current, seconds >= 86400 ? { dateStyle: 'medium', timeZone: 'UTC' } : { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }).format(at);
export const axis_time = (at: Date, seconds: number): string => {
  const is_day = seconds >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0);
  return new Intl.DateTimeFormat(current, is_day ? { day: 'numeric', month: 'short' } : { hour: 'numeric', minute: '2-digit' }).format(at);
};

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

// "5 minutes ago"; beyond 30 days the date itself.
export function near_time(at: Date, now: number): string {
  const seconds = Math.round((at.getTime() - now) / 1000);
  if (Math.abs(seconds) > 30 * 86400) return new Intl.DateTimeFormat(current, { dateStyle: 'medium' }).format(at);
  const [unit, size] = steps.find((step) => Math.abs(seconds) >= step[1]) ?? ['second', 1];
  return new Intl.RelativeTimeFormat(current, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit);
}
