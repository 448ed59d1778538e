import type { Language } from './catalog/catalog.ts';

export const languages: readonly Language[] = ['en', 'de'];

/** The language that this text names, as in `?lang=de`, or null. */
export function readLanguage(text: string | null | undefined): Language | null {
  return languages.find((language) => language === text) ?? null;
}

/** More entries than this nobody sends in earnest. */
const maxRanges = 32;

/**
 * Picks a language by `Accept-Language` (RFC 9110 §12.5.4): the highest weight wins, the earlier of equals, `de-AT` counts
 * as `de`, weight 0 rules out. English when nothing fits.
 */
export function negotiateLanguage(header: string | undefined): Language {
  const weights = new Map<string, number>();
  for (const range of (header ?? '').split(',', maxRanges)) {
    const match =
      /^\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,64})?\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?$/i.exec(
        range,
      );
    if (!match?.[1]) continue;
    const name = match[1].toLowerCase();
    const weight = match[2] === undefined ? 1 : Number(match[2]);
    weights.set(name, Math.max(weights.get(name) ?? 0, weight));
  }
  let best: Language | null = null;
  let bestWeight = 0;
  // a Map keeps the order of the header, so that the earlier of equals stays
  for (const [name, weight] of weights) {
    const offered = name === '*' ? languages.find((language) => !weights.has(language)) : readLanguage(name);
    if (offered && weight > bestWeight) {
      best = offered;
      bestWeight = weight;
    }
  }
  return best ?? 'en';
}
