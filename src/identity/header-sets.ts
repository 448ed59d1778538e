import type { Log } from '../runtime.ts';
import type { IdentityHeadersConfig, RouteIdentityConfig } from './config.ts';
import type { Identity } from './identity.ts';
import { fillTemplate, joinGroups, readTemplate } from './template.ts';
import type { TemplatePart } from './template.ts';

/** Identity headers of one route, compiled at start. */
export interface HeaderSet {
  /** Names that this set can write, in the spelling that goes on the wire. */
  readonly names: readonly string[];
  /** Flat raw headers (`[name, value, …]`, values as UTF-8 bytes in Latin-1) for an identity; unknown values are left out. */
  readonly write: (identity: Identity) => readonly string[];
  /** The same with every name, empty where unknown: for forward auth, where the proxy must overwrite a visitor's own. */
  readonly writeAll: (identity: Identity | null) => readonly string[];
}

/** The sets that have a name of their own. `off` is none. */
export const namedHeaderSets = {
  remote: {
    'Remote-User': '{user}',
    'Remote-Name': '{name}',
    'Remote-Email': '{email}',
    'Remote-Groups': '{groups}',
  },
  forwarded: {
    'X-Forwarded-User': '{user}',
    'X-Forwarded-Email': '{email}',
    'X-Forwarded-Groups': '{groups}',
    'X-Forwarded-Preferred-Username': '{user}',
  },
  'auth-request': {
    'X-Auth-Request-User': '{user}',
    'X-Auth-Request-Email': '{email}',
    'X-Auth-Request-Groups': '{groups}',
    'X-Auth-Request-Preferred-Username': '{user}',
  },
  off: {},
} as const satisfies Record<string, Readonly<Record<string, string>>>;

/** A value longer than this (bytes) is left out: half a name would be somebody else's name. */
const maxValueBytes = 8 * 1024;

/**
 * Compiles the configured identity headers. The values of an identity are made once and kept as long as the identity
 * object lives, so that a session in the near cache costs nothing.
 *
 * Text goes as UTF-8 bytes; control characters become spaces; surrounding space is cut. Groups stand with commas between
 * them, whole groups within 6 KiB; what had to be left out is logged once an identity.
 */
export function compileHeaderSet(config: IdentityHeadersConfig, log?: Log): HeaderSet {
  const templates = compileTemplates(config);
  const names = templates.map(([name]) => name);
  const made = new WeakMap<Identity, { readonly known: readonly string[]; readonly whole: readonly string[] }>();
  const nothing = Object.freeze(names.flatMap((name) => [name, '']));

  const headersOf = (identity: Identity): { readonly known: readonly string[]; readonly whole: readonly string[] } => {
    const cached = made.get(identity);
    if (cached) return cached;
    const known: string[] = [];
    const whole: string[] = [];
    for (const [name, parts] of templates) {
      const value = headerValue(fillTemplate(parts, identity));
      const fits = value.length <= maxValueBytes;
      if (!fits) log?.warn('identity-header.left-out', { header: name, user: identity.user });
      if (fits && value !== '') known.push(name, value);
      whole.push(name, fits ? value : '');
    }
    if (names.length > 0) warnOfCutGroups(identity, log);
    const headers = { known: Object.freeze(known), whole: Object.freeze(whole) };
    made.set(identity, headers);
    return headers;
  };

  return {
    names,
    write: (identity) => headersOf(identity).known,
    writeAll: (identity) => (identity === null ? nothing : headersOf(identity).whole),
  };
}

function warnOfCutGroups(identity: Identity, log: Log | undefined): void {
  const { kept } = joinGroups(identity.groups);
  if (kept < identity.groups.length)
    log?.warn('identity-groups.cut', { user: identity.user, groups: identity.groups.length, kept });
}

function compileTemplates(config: IdentityHeadersConfig): readonly (readonly [string, readonly TemplatePart[]])[] {
  const maps =
    typeof config === 'string'
      ? [namedHeaderSets[config]]
      : Array.isArray(config)
        ? config.map((name) => namedHeaderSets[name])
        : [config];
  const compiled = new Map<string, readonly [string, readonly TemplatePart[]]>();
  for (const map of maps) {
    for (const [name, template] of Object.entries(map)) {
      const key = name.toLowerCase();
      if (!compiled.has(key)) compiled.set(key, [name, readTemplate(template) ?? []]);
    }
  }
  return [...compiled.values()];
}

/** Text as it may stand in a header: UTF-8 bytes in Latin-1, no control characters, no space around it. */
function headerValue(text: string): string {
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, ' ').trim();
  return isAscii(clean) ? clean : Buffer.from(clean, 'utf8').toString('latin1');
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) if (text.charCodeAt(index) > 0x7e) return false;
  return true;
}

/**
 * Compiles `identity.basicAuth` into what stands in `Authorization` for the app (RFC 7617, UTF-8). The empty string for
 * a user name with a colon, which Basic can't carry: the app would read another name.
 */
export function compileBasicAuth(
  config: NonNullable<RouteIdentityConfig['basicAuth']>,
): (identity: Identity) => string {
  const user = readTemplate(config.user) ?? [];
  const password = readTemplate(config.password) ?? [];
  const made = new WeakMap<Identity, string>();
  return (identity) => {
    const known = made.get(identity);
    if (known !== undefined) return known;
    const name = fillTemplate(user, identity);
    const value =
      name === '' || name.includes(':')
        ? ''
        : `Basic ${Buffer.from(`${name}:${fillTemplate(password, identity)}`).toString('base64')}`;
    made.set(identity, value);
    return value;
  };
}
