import { foldHeaderName } from '../../identity/headers.ts';
import type { HeaderChangesConfig } from './config.ts';

/** Headers that a route sets or removes, compiled at start. */
export interface HeaderChanges {
  /**
   * What came under this name (in lower case) goes: it is removed, or set anew. Look-alikes count, as an app that makes
   * variables of headers would take them for the same.
   */
  readonly drops: (lowerName: string) => boolean;
  /** Flat raw headers, values as UTF-8 bytes in Latin-1. */
  readonly set: readonly string[];
}

/** Compiles what is configured; null when nothing is. */
export function compileHeaderChanges(config: HeaderChangesConfig | undefined): HeaderChanges | null {
  if (config === undefined) return null;
  const set = Object.entries(config.set).flatMap(([name, value]) => [
    name,
    Buffer.from(value, 'utf8').toString('latin1'),
  ]);
  const names = [...Object.keys(config.set), ...config.remove];
  if (names.length === 0) return null;
  const folded = new Set(names.map((name) => foldHeaderName(name.toLowerCase())));
  return Object.freeze({
    set: Object.freeze(set),
    drops: (lowerName: string) => folded.has(foldHeaderName(lowerName)),
  });
}

/** Flat raw headers less what is dropped, with what is set behind them. */
export function changeHeaders(headers: readonly string[], { drops, set }: HeaderChanges): string[] {
  const changed: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (!drops(name.toLowerCase())) changed.push(name, headers[index + 1] ?? '');
  }
  for (const text of set) changed.push(text);
  return changed;
}
