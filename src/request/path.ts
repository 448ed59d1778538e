import type { CanonicalPath } from './facts.ts';

/** What a raw path says, or why two servers could read it differently. */
export type PathReading =
  | {
      readonly kind: 'path';
      readonly path: CanonicalPath;
      /** Readings that some server might make of it besides; each must pass as well. */
      readonly otherReadings: readonly CanonicalPath[];
      readonly hasEncodedSlash: boolean;
    }
  | { readonly kind: 'unreadable'; readonly reason: PathFault };

export type PathFault =
  | 'path-not-absolute'
  | 'leading-double-slash'
  | 'dot-segment'
  | 'backslash-in-path'
  | 'control-character-in-path'
  | 'fragment-in-path'
  | 'bad-percent-encoding'
  | 'overlong-encoding'
  | 'bad-character-in-path';

/** Nothing that any server reads in two ways: no escape, `;`, `#`, `\`, control character or byte above 0x7f. */
const plain = /^\/[A-Za-z0-9\-._~!$&'()*+,=:@/|[\]{}^`"<>]*$/;

const none: readonly CanonicalPath[] = [];

/**
 * Reads the path of a request target (without query; bytes as Latin-1). What it accepts may be forwarded byte for byte:
 * no server finds a dot segment, another authority or another string in it than the readings given here.
 */
export function readPath(raw: string): PathReading {
  if (plain.test(raw) && !raw.includes('//') && !raw.includes('/.'))
    return { kind: 'path', path: raw as CanonicalPath, otherReadings: none, hasEncodedSlash: false };
  return readOddPath(raw);
}

function readOddPath(raw: string): PathReading {
  if (raw.charCodeAt(0) !== 0x2f) return { kind: 'unreadable', reason: 'path-not-absolute' };
  const decoded = decode(raw);
  if (decoded.fault !== null) return { kind: 'unreadable', reason: decoded.fault };
  const path = decoded.path;
  const fault = shapeFault(path);
  if (fault !== null) return { kind: 'unreadable', reason: fault };

  const readings = new Set(looseReadings(path));
  // An upstream behind another proxy may decode once more, and once more again.
  let deeper = path;
  for (let times = 0; times < 2 && doubleEscape.test(deeper); times += 1) {
    deeper = decodeAgain(deeper);
    const deeperFault = shapeFault(deeper);
    if (deeperFault !== null) return { kind: 'unreadable', reason: deeperFault };
    for (const reading of looseReadings(deeper)) readings.add(reading);
  }
  readings.delete(path);
  return {
    kind: 'path',
    path: path as CanonicalPath,
    otherReadings: readings.size === 0 ? none : ([...readings] as CanonicalPath[]),
    hasEncodedSlash: path.includes('%2F'),
  };
}

const unreserved = /[A-Za-z0-9\-._~]/;

/** Decodes unreserved characters, writes other escapes in upper case and bytes above 0x7f as escapes (RFC 3986 §6.2.2). */
function decode(raw: string): { readonly path: string; readonly fault: PathFault | null } {
  let path = '';
  let previous = 0;
  for (let index = 0; index < raw.length; index += 1) {
    let byte = raw.charCodeAt(index);
    const escaped = byte === 0x25;
    if (escaped) {
      const high = hexDigit(raw.charCodeAt(index + 1));
      const low = hexDigit(raw.charCodeAt(index + 2));
      if (high < 0 || low < 0) return { path, fault: 'bad-percent-encoding' };
      byte = high * 16 + low;
      index += 2;
    } else if (byte === 0x23) return { path, fault: 'fragment-in-path' };
    else if (byte === 0x20 || byte === 0x3f || byte > 0xff) return { path, fault: 'bad-character-in-path' };
    if (byte < 0x20 || byte === 0x7f) return { path, fault: 'control-character-in-path' };
    if (byte === 0x5c) return { path, fault: 'backslash-in-path' };
    if (isOverlong(previous, byte)) return { path, fault: 'overlong-encoding' };
    const character = String.fromCharCode(byte);
    path += byte < 0x80 && (!escaped || unreserved.test(character)) ? character : escapeOf(byte);
    previous = byte;
  }
  return { path, fault: null };
}

/** NaN (past the end) gives -1. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function escapeOf(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
}

/** The first two bytes of a UTF-8 sequence that is longer than need be, such as `c0 ae` for a dot (RFC 3629 §3). */
function isOverlong(lead: number, next: number): boolean {
  if (next < 0x80 || next > 0xbf) return false;
  if (lead === 0xc0 || lead === 0xc1) return true;
  if (lead === 0xe0) return next < 0xa0;
  if (lead === 0xf0) return next < 0x90;
  if (lead === 0xf8) return next < 0x88;
  return lead === 0xfc && next < 0x84;
}

/** `.` or `..` between slashes in either spelling, also before `;`, `%23` or `%3F`, also with blanks behind, which Windows drops. */
const dotSegment = /(?:\/|%2F)\.{1,2}(?:%20)*(?:\/|%2F|;|%3B|%23|%3F|$)/;

/** Two slashes at the start, also when dropping `;parameters` makes them: an authority to some (RFC 3986 §3.3). */
const authorityLike = /^\/(?:(?:;|%3B)[^/]*)?(?:\/|%2F)/;

function shapeFault(path: string): PathFault | null {
  if (authorityLike.test(path)) return 'leading-double-slash';
  return dotSegment.test(path) ? 'dot-segment' : null;
}

/** Every way in which slashes may be merged, `;parameters` dropped, and an encoded `#` or `?` taken for a real one. */
function looseReadings(path: string): readonly string[] {
  const cut = path.search(/%23|%3F/);
  const readings: string[] = [];
  for (const text of cut < 0 ? [path] : [path, path.slice(0, cut)]) {
    const bare = text.replace(/(?:;|%3B)[^/]*/g, '');
    readings.push(text, merge(text), bare, merge(bare));
  }
  return readings;
}

function merge(path: string): string {
  return path.replace(/\/{2,}/g, '/');
}

const doubleEscape = /%25[0-9A-F]{2}/i;

/** What a second decoding finds; slashes and backslashes that appear by it count as slashes. */
function decodeAgain(path: string): string {
  return path.replace(/%25(?=[0-9A-F]{2})/gi, '%').replace(/%([0-9A-F]{2})/gi, (_escape, hex: string) => {
    const byte = Number.parseInt(hex, 16);
    if (byte === 0x2f || byte === 0x5c) return '/';
    const character = String.fromCharCode(byte);
    return byte < 0x80 && unreserved.test(character) ? character : `%${hex.toUpperCase()}`;
  });
}

/**
 * The canonical form of a path or glob in the configuration (text, not bytes): `/Straße/` is `/Stra%C3%9Fe/`.
 * Null when a request could never have this path as its plain reading.
 */
export function canonicalPath(text: string): CanonicalPath | null {
  const reading = readPath(Buffer.from(text, 'utf8').toString('latin1').replaceAll(' ', '%20'));
  if (reading.kind === 'unreadable' || reading.path.includes('//')) return null;
  return reading.path;
}

/** The same for a prefix by whole segments: without a slash at the end, and without encoded ones. */
export function canonicalPrefix(text: string): CanonicalPath | null {
  const path = canonicalPath(text);
  if (path === null || path.includes('%2F')) return null;
  return path !== '/' && path.endsWith('/') ? (path.slice(0, -1) as CanonicalPath) : path;
}

/**
 * What of a raw path stands behind a prefix: empty, or starting with exactly one slash, as `//x` would be read as a host.
 * Counted by segments, since the raw path may spell the prefix with escapes.
 */
export function rawPathBelow(rawPath: string, prefix: string): string {
  let start = 0;
  for (const character of prefix === '/' ? '' : prefix) {
    if (character === '/' && start !== -1) start = rawPath.indexOf('/', start + 1);
  }
  return start === -1 ? '' : `/${rawPath.slice(start).replace(/^\/+/, '')}`;
}

/**
 * A path as the most forgiving upstream compares it: letters in lower case, escapes of printable ASCII decoded.
 * Only for finding out what else a path might reach; never forwarded.
 */
export function foldPath(path: string): string {
  if (!/[A-Z%]/.test(path)) return path;
  const lower = path.toLowerCase();
  return lower.includes('%') ? lower.replace(/%([2-7][0-9a-f])/g, foldEscape) : lower;
}

function foldEscape(escape: string, hex: string): string {
  const code = Number.parseInt(hex, 16);
  const keeps = code === 0x20 || code === 0x25 || code === 0x2f || code === 0x7f;
  return keeps ? escape : String.fromCharCode(code).toLowerCase();
}
