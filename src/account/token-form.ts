import type { Fields } from '../sign-in/form.ts';
import { problemOfText } from '../users/user-record.ts';

/** Making a token needs a sign-in that is no older: whoever finds a browser open must not take a key to everything with them. */
export const freshForMs = 900_000;

const dayMs = 86_400_000;
const usualLifetimesMs = [7 * dayMs, 30 * dayMs, 90 * dayMs, 365 * dayMs] as const;
const presetMs = 90 * dayMs;

/** Methods that change nothing by their own definition (RFC 9110 §9.2.1, RFC 4918, RFC 3253, RFC 5323). */
export const readingMethods: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH'];

const maxNameLength = 64;

/** What a person wants a new token to be. */
export interface TokenWish {
  readonly name: string;
  readonly lifetimeMs: number;
  /** Ids of routes; null: every app. */
  readonly routes: readonly string[] | null;
  /** Null: any. */
  readonly methods: readonly string[] | null;
}

/** What is wrong with a form; each has a text of its own on the page. */
export type TokenFormFault = 'no-name' | 'bad-name' | 'no-apps';

export type TokenFormResult =
  | { readonly kind: 'wish'; readonly wish: TokenWish }
  /** `name` as typed, for the form that is shown again. */
  | { readonly kind: 'fault'; readonly fault: TokenFormFault; readonly name: string }
  /** No form of ours sends this. */
  | { readonly kind: 'malformed' };

export interface TokenFormOptions {
  /** Lifetimes that are offered. */
  readonly lifetimesMs: readonly number[];
  /** Ids of the routes that are offered. */
  readonly routes: readonly string[];
}

/** The lifetimes that are offered, longest last. */
export function lifetimesUpTo(maxMs: number): readonly number[] {
  const usual = usualLifetimesMs.filter((ms) => ms < maxMs);
  return [...usual, maxMs];
}

/** The one that is chosen already. */
export function presetOf(lifetimesMs: readonly number[]): number {
  return lifetimesMs.findLast((ms) => ms <= presetMs) ?? lifetimesMs[0] ?? presetMs;
}

/** Reads the form for a new token: `name`, `lifetime`, `access`, `scope`, and a field `app:ID` for each app that is ticked. */
export function readTokenForm(fields: Fields, { lifetimesMs, routes }: TokenFormOptions): TokenFormResult {
  const lifetimeMs = lifetimesMs.find((ms) => String(ms) === fields.get('lifetime'));
  const access = fields.get('access');
  const scope = fields.get('scope');
  const apps = [...fields.keys()].filter((key) => key.startsWith('app:')).map((key) => key.slice('app:'.length));
  const isOurs =
    lifetimeMs !== undefined &&
    (access === 'all' || access === 'read') &&
    (scope === 'all' || scope === 'some') &&
    apps.every((id) => routes.includes(id));
  if (!isOurs) return { kind: 'malformed' };
  const name = (fields.get('name') ?? '').trim();
  if (name === '') return { kind: 'fault', fault: 'no-name', name };
  if (name.length > maxNameLength || problemOfText(name) !== undefined)
    return { kind: 'fault', fault: 'bad-name', name };
  if (scope === 'some' && apps.length === 0) return { kind: 'fault', fault: 'no-apps', name };
  return {
    kind: 'wish',
    wish: {
      name,
      lifetimeMs,
      routes: scope === 'all' ? null : apps,
      methods: access === 'all' ? null : readingMethods,
    },
  };
}
