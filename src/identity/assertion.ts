import { SignJWT } from 'jose';
import type { Log, Runtime } from '../runtime.ts';
import type { AssertionConfig } from './config.ts';
import type { Identity } from './identity.ts';
import type { AssertionKeys } from './keys.ts';

/** The header that carries the assertion; a visitor's own never arrives (reserved family `Sallyport-*`). */
export const assertionHeader = 'Sallyport-Jwt-Assertion';

/** Whom an assertion speaks of; what the gate says of a visitor fits. */
export interface AssertionSubject {
  readonly identity: Identity;
  /** Null for a credential that travels with each request. */
  readonly session: { readonly id: string; readonly amr: readonly string[] } | null;
  /** 0 when it is not known, for machines. */
  readonly authenticatedAtMs: number;
  /** How they proved who they are where no session says so; left out: by a password. */
  readonly amr?: readonly string[];
}

/** Gives the assertion for one route: at once while a signed one is fresh enough. Rejects with `store-unavailable`. */
export type AssertionWriter = (subject: AssertionSubject) => string | Promise<string>;

export interface AssertionOptions {
  readonly config: Exclude<AssertionConfig, false>;
  /** `iss`: the origin of the sign-in pages. */
  readonly issuer: string;
  /** `aud` where the configuration names none. */
  readonly routeId: string;
  readonly keys: Pick<AssertionKeys, 'generation' | 'signingKey'>;
  readonly runtime: Runtime;
}

interface Signed {
  readonly token: string | Promise<string>;
  /** What it was signed for, besides the identity: two sessions may share one identity object. */
  readonly session: string | null;
  readonly amr: readonly string[];
  readonly authenticatedAtMs: number;
  readonly generation: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/**
 * Payloads (UTF-8 bytes) that leave the whole header below 8,000 bytes, also with RS256: base64url adds a third, head and
 * signature have at most 500. App servers stop at 8 KiB a header.
 */
const maxPayloadBytes = 5_600;
/** A name or an e-mail address longer than this (bytes) is left out: half of it would be somebody else's. */
const maxTextBytes = 1_024;

/**
 * Makes the assertions of one route (RFC 7519). One is signed for a session (or, without one, for an identity) and serves until
 * half of its life is over, so that the app always gets one with half a life left; it is kept as long as the identity
 * object lives. A new key, new groups or another sign-in mean a new assertion.
 */
export function createAssertionWriter({ config, issuer, routeId, keys, runtime }: AssertionOptions): AssertionWriter {
  const { now, randomBytes, log } = runtime;
  const { lifetime, algorithm, audience = routeId } = config;
  const made = new WeakMap<Identity, Signed>();

  const sign = async (subject: AssertionSubject, nowMs: number): Promise<string> => {
    const { privateKey, kid } = await keys.signingKey(algorithm);
    const iat = Math.floor(nowMs / 1_000);
    const jti = randomBytes(16).toString('base64url');
    const claims = {
      iss: issuer,
      aud: audience,
      ...claimsOf(subject),
      iat,
      exp: iat + Math.floor(lifetime / 1_000),
      jti,
    };
    const groups = fittingGroups(subject.identity, Buffer.byteLength(JSON.stringify(claims)), log);
    return new SignJWT({ ...claims, groups }).setProtectedHeader({ alg: algorithm, typ: 'JWT', kid }).sign(privateKey);
  };

  return (subject) => {
    const { identity, session } = subject;
    const nowMs = now();
    const held = made.get(identity);
    if (held !== undefined && isFor(held, subject) && held.generation === keys.generation()) {
      if (nowMs >= held.fromMs && nowMs < held.untilMs) return held.token;
    }
    const generation = keys.generation();
    const entry = {
      session: session?.id ?? null,
      amr: amrOf(subject),
      authenticatedAtMs: subject.authenticatedAtMs,
      generation,
      fromMs: nowMs,
      untilMs: nowMs + lifetime / 2,
    };
    // Requests side by side wait for one signature.
    const signing = sign(subject, nowMs).then(
      (token) => {
        if (made.get(identity)?.token === signing) made.set(identity, { ...entry, token });
        return token;
      },
      (error: unknown) => {
        if (made.get(identity)?.token === signing) made.delete(identity);
        throw error;
      },
    );
    made.set(identity, { ...entry, token: signing });
    return signing;
  };
}

function isFor(held: Signed, subject: AssertionSubject): boolean {
  const { session, authenticatedAtMs } = subject;
  if (held.amr !== amrOf(subject)) return false;
  // Without a session every request signs in anew, within the same minute: that is no other sign-in.
  if (session === null) return held.session === null;
  return held.session === session.id && held.authenticatedAtMs === authenticatedAtMs;
}

const byPassword: readonly string[] = ['pwd'];

function amrOf({ session, amr }: AssertionSubject): readonly string[] {
  return session?.amr ?? amr ?? byPassword;
}

/** What is known; an unknown name or e-mail address is left out. */
function claimsOf(subject: AssertionSubject): Readonly<Record<string, unknown>> {
  const { identity, session, authenticatedAtMs } = subject;
  const { user, name, email } = identity;
  const amr = amrOf(subject);
  return {
    sub: user,
    ...(fits(name) ? { name } : {}),
    ...(fits(email) ? { email } : {}),
    ...(session === null ? {} : { sid: session.id }),
    ...(amr.length > 0 ? { amr } : {}),
    ...(authenticatedAtMs > 0 ? { auth_time: Math.floor(authenticatedAtMs / 1_000) } : {}),
  };
}

function fits(text: string): boolean {
  return text !== '' && Buffer.byteLength(JSON.stringify(text)) <= maxTextBytes;
}

/** Whole groups, in order, as many as fit beside the other claims. */
function fittingGroups({ user, groups }: Identity, otherBytes: number, log: Log): readonly string[] {
  let left = maxPayloadBytes - otherBytes - '"groups":[],'.length;
  const kept: string[] = [];
  for (const group of groups) {
    left -= Buffer.byteLength(JSON.stringify(group)) + 1;
    if (left < 0) break;
    kept.push(group);
  }
  if (kept.length < groups.length)
    log.warn('identity-groups.cut', { user, groups: groups.length, kept: kept.length, header: assertionHeader });
  return kept;
}
