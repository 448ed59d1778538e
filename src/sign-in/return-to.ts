import type { RequestFacts } from '../request/facts.ts';

export interface ReturnToOptions {
  /** Origin of the sign-in pages. */
  readonly publicUrl: string;
  readonly authPath: string;
  /** A route names this host; a route for every host does not make every host ours. */
  readonly servesHost: (host: string) => boolean;
}

/**
 * Checks where a person wants to go back to. Gives the address as it came, byte for byte, or null for one that is not ours:
 * a path on this host, or an absolute address on a host of ours with the scheme and port that visitors use. Never one of our
 * own pages, which would lead round in a circle. RFC 9700 §4.11.
 */
export type CheckReturnTo = (raw: string | undefined, facts: RequestFacts) => string | null;

const maxLength = 2_048;

// What a browser writes in path, query and fragment. Anything else (controls, space, a backslash in the path) is nobody's deep link.
const plainTarget = /^\/(?![/\\])[A-Za-z0-9\-._~:/@!$&'()*+,;=%[\]|]*(?:\?[\x21\x22\x24-\x7e]*)?(?:#[\x21-\x7e]*)?$/;
const encodedControl = /%(?:[01][0-9a-f]|7f)/i;
const absolute = /^(https?):\/\/([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?(\/.*)?$/;

export function createReturnTo({ publicUrl, authPath, servesHost }: ReturnToOptions): CheckReturnTo {
  const home = new URL(publicUrl);
  const prefix = authPath.toLowerCase();

  const isOwnPage = (target: string): boolean => {
    const path = pathOf(target).toLowerCase();
    const decoded = path
      .replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
      .replace(/\/{2,}/g, '/');
    return [path, decoded].some(
      (text) => text === prefix || text.startsWith(`${prefix}/`) || text.startsWith(`${prefix};`),
    );
  };
  const isTarget = (target: string): boolean =>
    plainTarget.test(target) && !encodedControl.test(pathOf(target)) && !hasDotSegment(target) && !isOwnPage(target);

  return (raw, facts) => {
    if (raw === undefined || raw === '' || raw.length > maxLength) return null;
    if (raw.startsWith('/')) return isTarget(raw) ? raw : null;
    const match = absolute.exec(raw);
    if (match === null || !isTarget(match[4] ?? '/')) return null;
    const url = URL.parse(raw);
    if (url === null || url.username !== '' || url.password !== '') return null;
    if (url.origin === facts.origin || url.origin === home.origin) return raw;
    return url.protocol === home.protocol && url.port === home.port && servesHost(url.hostname) ? raw : null;
  };
}

function pathOf(target: string): string {
  return target.split(/[?#]/, 1)[0] ?? '';
}

function hasDotSegment(target: string): boolean {
  const path = pathOf(target).replace(/%2e/gi, '.').replace(/%2f/gi, '/');
  return path.split('/').some((segment) => /^\.{1,2}(;.*)?$/.test(segment));
}
