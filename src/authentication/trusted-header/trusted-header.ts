import { createHash, timingSafeEqual } from 'node:crypto';
import { foldHeaderName } from '../../identity/headers.ts';
import type { Identity } from '../../identity/identity.ts';
import { canonicalUserName } from '../../identity/user-name.ts';
import { canonicalEmail } from '../../policy/criteria/email.ts';
import { createNetworkSet } from '../../request/client-address.ts';
import type { RequestFacts } from '../../request/facts.ts';
import { problemOfGroup, problemOfText } from '../../users/user-record.ts';
import type { Authenticator } from '../authenticator.ts';
import { createClaimedIdentities, type ClaimedIdentitiesOptions } from '../claimed-identities.ts';
import { trustedHeaderNames, type TrustedHeaderConfig } from './config.ts';

/** Identity method of people whom a proxy in front signs in. */
export const trustedHeaderMethod = 'trusted-header';

export interface TrustedHeaderOptions extends Omit<ClaimedIdentitiesOptions, 'method' | 'amr'> {
  readonly config: TrustedHeaderConfig;
}

const none = { kind: 'none' } as const;

/**
 * Believes what a proxy says of the visitor in headers, on connections from that proxy alone; from anybody else the headers
 * mean nothing. Where the header is there it has the word: no cookie is looked at, so that two people never mix. A header that
 * stands twice, or that some app would read as it (`Remote_User`), got past the proxy and is no word of its.
 */
export function createTrustedHeaderAuthenticator({ config, ...options }: TrustedHeaderOptions): Authenticator {
  const { headers, secretHeader } = config;
  const from = createNetworkSet(config.from);
  const identities = createClaimedIdentities({ ...options, method: trustedHeaderMethod, amr: [] });
  const names = new Set(trustedHeaderNames(config).map((name) => name.toLowerCase()));
  const folded = new Set([...names].map(foldHeaderName));
  const userHeader = headers.user.toLowerCase();
  const proof =
    secretHeader === undefined
      ? null
      : { name: secretHeader.name.toLowerCase(), digest: digestOf(secretHeader.secret) };

  /** Values by lower-case name, or a slug that says why they can't be believed. */
  const read = (facts: RequestFacts): ReadonlyMap<string, string> | string => {
    const values = new Map<string, string>();
    for (const [name, value] of facts.headers) {
      const lower = name.toLowerCase();
      if (!names.has(lower)) {
        if (folded.has(foldHeaderName(lower))) return 'trusted-header-look-alike';
        continue;
      }
      if (values.has(lower)) return 'trusted-header-repeated';
      values.set(lower, value.trim());
    }
    return values;
  };

  return (facts) => {
    if (!from.has(facts.peerAddress)) return none;
    const values = read(facts);
    if (typeof values === 'string') return identities.refuse(facts, values);
    const user = values.get(userHeader);
    if (user === undefined || user === '') return none;
    if (proof !== null && !timingSafeEqual(digestOf(values.get(proof.name) ?? ''), proof.digest))
      return identities.refuse(facts, 'trusted-header-secret');
    const said = [headers.user, headers.name, headers.email, headers.groups].map((name) =>
      name === undefined ? '' : (values.get(name.toLowerCase()) ?? ''),
    );
    return identities.accept(facts, JSON.stringify(said), () => {
      const identity = identityOf(said, config);
      return identity === null ? 'trusted-header-malformed' : { identity };
    });
  };
}

/** Null when it names nobody, or names a group that can't be one. */
function identityOf(said: readonly string[], config: TrustedHeaderConfig): Identity | null {
  const [subject = null, name = null, email = null, groupList = null] = said.map(utf8Of);
  if (subject === null || name === null || email === null || groupList === null) return null;
  // A proxy further in front may have joined two lines: `alice, bob` is nobody.
  if (subject.includes(',') || problemOfText(subject) !== undefined) return null;
  const user = canonicalUserName(config.userPrefix + subject);
  const groups = [...new Set(groupList.split(config.groupsSeparator).map((group) => group.trim()))].filter(
    (group) => group !== '',
  );
  if (user === null || groups.some((group) => problemOfGroup(group) !== undefined)) return null;
  return {
    user,
    name: problemOfText(name) === undefined ? name : '',
    email: canonicalEmail(email) ?? '',
    groups,
    claims: {},
    method: trustedHeaderMethod,
    issuer: config.issuer,
    // As rules compare it: a proxy that passes on what was typed makes no second person of `Alice`.
    subject: canonicalUserName(subject) ?? subject,
  };
}

/** Headers come as bytes in Latin-1; null for what is not UTF-8. */
function utf8Of(latin1: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return null;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}
