import type { RequestFacts } from './facts.ts';

/**
 * Every value of the cookie with exactly this name, in order, over all `Cookie` lines. Nothing is trimmed, unquoted or
 * decoded: what we set comes back byte for byte (RFC 6265 §5.4), and all else is not ours.
 */
export function cookieValues(lines: readonly string[], name: string): readonly string[] {
  let values: string[] | null = null;
  const prefix = `${name}=`;
  for (const line of lines) {
    let at = line.indexOf(prefix);
    while (at >= 0) {
      if (startsPair(line, at)) {
        const end = line.indexOf(';', at);
        values ??= [];
        values.push(line.slice(at + prefix.length, end < 0 ? line.length : end));
      }
      at = line.indexOf(prefix, at + prefix.length);
    }
  }
  return values ?? noValues;
}

const noValues: readonly string[] = [];

/** At the start of the line, or behind `;` and at most one blank. */
function startsPair(line: string, at: number): boolean {
  if (at === 0) return true;
  const before = line.charCodeAt(at - 1);
  return before === 0x3b || (before === 0x20 && line.charCodeAt(at - 2) === 0x3b);
}

/** The value of one of our own cookies; null when it was not sent, or sent with two values that differ. */
export function readCookie(facts: RequestFacts, name: string): string | null {
  const values = cookieValues(cookieLines(facts), name);
  const first = values[0];
  return first !== undefined && values.every((value) => value === first) ? first : null;
}

/** The values of all `Cookie` header lines. */
export function cookieLines(facts: Pick<RequestFacts, 'headers'>): readonly string[] {
  const lines: string[] = [];
  for (const [name, value] of facts.headers)
    if (name.length === 6 && name.toLowerCase() === 'cookie') lines.push(value);
  return lines;
}

/**
 * Cuts our cookies out of `Cookie` lines; what is left stands byte for byte in its order, several lines joined as
 * RFC 9113 §8.2.3 says. Null when nothing is left. `isOurs` gets each name without blanks, quotes and `=` around it, so
 * that no upstream's parser finds one of ours that we did not see.
 */
export function cutCookies(lines: readonly string[], isOurs: (name: string) => boolean): string | null {
  const kept: string[] = [];
  for (const line of lines) {
    const rest = cutLine(line, isOurs);
    if (rest !== '') kept.push(rest);
  }
  return kept.length === 0 ? null : kept.join('; ');
}

function cutLine(line: string, isOurs: (name: string) => boolean): string {
  const pairs = line.split(';');
  const others = pairs.filter((pair) => !isOurs(nameOf(pair)));
  if (others.length === pairs.length) return line;
  const rest = others.join(';');
  const startMoved = others[0] !== pairs[0];
  return startMoved && rest.startsWith(' ') ? rest.slice(1) : rest;
}

/** The text before `=`, less whatever some parser might skip around a name. */
function nameOf(pair: string): string {
  const start = pair.search(/[^\s="\x00-\x20\x7f-\xff]/);
  if (start < 0) return '';
  const end = pair.indexOf('=', start);
  return pair.slice(start, end < 0 ? pair.length : end).replace(/["\x00-\x20\x7f-\xff]+$/, '');
}
