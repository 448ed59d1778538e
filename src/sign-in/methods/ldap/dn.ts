/** One `type=value` of a distinguished name, the value unescaped. */
export interface NamePart {
  /** In lower case. */
  readonly type: string;
  readonly value: string;
}

/** Parts of each step of a name, the entry's own step first; more than one where they are joined by `+`. */
type Steps = readonly (readonly NamePart[])[];

/**
 * Writes a value so that it can stand in a distinguished name and means itself alone (RFC 4514 §2.4).
 *
 * @example `uid=${escapeDnValue("O'Brien, Bob")},ou=people` // uid=O'Brien\, Bob,ou=people
 */
export function escapeDnValue(value: string): string {
  return value
    .replaceAll(/["+,;<>\\=]/g, '\\$&')
    .replaceAll(/[\u0000-\u001f\u007f]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/^[ #]/, '\\$&')
    .replace(/(?<!\\) $/, '\\ ');
}

/** Takes a name as a server wrote it apart (RFC 4514 §3); null for what is none. The empty name has no steps. */
export function readDn(text: string): Steps | null {
  if (text === '') return [];
  const steps: NamePart[][] = [[]];
  const pattern =
    /\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*(#(?:[0-9A-Fa-f]{2})+|(?:\\[0-9A-Fa-f]{2}|\\[^0-9A-Fa-f]|[^\\,+;])*)([,+;]|$)/y;
  for (;;) {
    const match = pattern.exec(text);
    if (match === null) return null;
    const [, type = '', raw = '', end = ''] = match;
    const value = unescape(raw);
    if (value === null) return null;
    steps.at(-1)?.push({ type: type.toLowerCase(), value });
    if (end === '') return steps;
    if (end !== '+') steps.push([]);
  }
}

/** Value of the first part, which names the entry among its siblings: `admins` of `cn=admins,ou=groups`. */
export function ownName(dn: string): NamePart | null {
  return readDn(dn)?.[0]?.[0] ?? null;
}

/** True for an entry somewhere below `base`; without regard to case and to how either is escaped. */
export function isBelow(dn: string, base: string): boolean {
  const [steps, above] = [readDn(dn), readDn(base)];
  if (steps === null || above === null || steps.length <= above.length) return false;
  return normal(steps.slice(steps.length - above.length)) === normal(above);
}

/** One spelling for names that mean the same entry; the text itself in lower case when it is no name. */
export function normalDn(dn: string): string {
  const steps = readDn(dn);
  return steps === null ? dn.toLowerCase() : normal(steps);
}

function normal(steps: Steps): string {
  const write = ({ type, value }: NamePart): string =>
    `${type}=${escapeDnValue(value.normalize('NFKC').toLowerCase().replaceAll(/ +/g, ' ').trim())}`;
  return steps.map((parts) => parts.map(write).toSorted().join('+')).join(',');
}

function unescape(raw: string): string | null {
  const bytes: number[] = [];
  // `#04…` is BER in hex; nobody writes names of people so, and as text it stays what it is.
  const text = raw.startsWith('#') ? raw : raw.replace(/(?<!\\) +$/, '');
  for (const [piece = ''] of text.matchAll(/\\[0-9A-Fa-f]{2}|\\[^]|[^\\]+/g)) {
    if (/^\\[0-9A-Fa-f]{2}$/.test(piece)) bytes.push(Number.parseInt(piece.slice(1), 16));
    else bytes.push(...Buffer.from(piece.startsWith('\\') ? piece.slice(1) : piece));
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
  } catch {
    return null;
  }
}
