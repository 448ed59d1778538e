import type { Identity } from '../../identity/identity.ts';
import { canonicalUserName } from '../../identity/user-name.ts';
import { canonicalEmail } from '../../policy/criteria/email.ts';
import type { ClientCertificate, RequestFacts } from '../../request/facts.ts';
import { problemOfGroup, problemOfText } from '../../users/user-record.ts';
import type { Authenticator } from '../authenticator.ts';
import { createClaimedIdentities, type ClaimedIdentitiesOptions } from '../claimed-identities.ts';
import type { ClientCertificateConfig } from './config.ts';

/** Identity method of whoever has a client certificate. */
export const clientCertificateMethod = 'client-certificate';

export interface ClientCertificateOptions extends Omit<ClaimedIdentitiesOptions, 'method' | 'amr'> {
  readonly config: ClientCertificateConfig;
  /** The other end of the connection is a proxy, whose certificate is not the visitor's. */
  readonly isProxy: (facts: RequestFacts) => boolean;
}

const none = { kind: 'none' } as const;

/**
 * Believes the certificate of the TLS connection, which our listener has verified (RFC 8705 has the idea). It wins over a
 * session cookie. People are told apart by who signed the certificate and the part of it that is their name.
 */
export function createClientCertificateAuthenticator(options: ClientCertificateOptions): Authenticator {
  const { config, isProxy, runtime } = options;
  // RFC 8176: proof of possession of a key.
  const identities = createClaimedIdentities({ ...options, method: clientCertificateMethod, amr: ['pop'] });

  return (facts) => {
    const { clientCertificate: certificate } = facts;
    if (certificate === null || isProxy(facts) || !isWanted(certificate, config)) return none;
    // A connection may outlive what it was opened with.
    if (!(runtime.now() < certificate.notAfterMs)) return identities.refuse(facts, 'certificate-expired');
    return identities.accept(facts, certificate.fingerprint, () => {
      const identity = identityOf(certificate, config);
      return identity === null ? 'certificate-names-nobody' : { identity, endsAtMs: certificate.notAfterMs };
    });
  };
}

/** All attributes that one entry names are the issuer's. */
function isWanted({ issuer }: ClientCertificate, { issuers }: ClientCertificateConfig): boolean {
  return (
    issuers === undefined ||
    issuers.some((wanted) => Object.entries(wanted).every(([key, value]) => valuesIn(issuer, key).includes(value)))
  );
}

/** Null when it names nobody, or several, or a group that can't be one. */
function identityOf(certificate: ClientCertificate, config: ClientCertificateConfig): Identity | null {
  const [subject, ...others] = partOf(certificate, config.user);
  if (subject === undefined || others.length > 0 || problemOfText(subject) !== undefined) return null;
  const user = canonicalUserName(config.userPrefix + subject);
  const groups = config.groups === undefined ? [] : [...new Set(partOf(certificate, config.groups))];
  if (user === null || groups.some((group) => problemOfGroup(group) !== undefined)) return null;
  const [name = ''] = partOf(certificate, config.name);
  return {
    user,
    name: problemOfText(name) === undefined ? name : '',
    email: canonicalEmail(partOf(certificate, config.email)[0] ?? '') ?? '',
    groups,
    claims: { fingerprint: [certificate.fingerprint], serial_number: [certificate.serialNumber] },
    method: clientCertificateMethod,
    issuer: `certificate:${writeName(certificate.issuer)}`,
    subject,
  };
}

function partOf(certificate: ClientCertificate, part: string): readonly string[] {
  switch (part) {
    case 'san.email':
      return certificate.emails;
    case 'san.dns':
      return certificate.dnsNames;
    case 'san.uri':
      return certificate.uris;
    case 'fingerprint':
      return [certificate.fingerprint];
    default:
      return valuesIn(certificate.subject, part.slice('subject.'.length));
  }
}

function valuesIn(attributes: ClientCertificate['subject'], key: string): readonly string[] {
  return Object.hasOwn(attributes, key) ? (attributes[key] ?? []) : [];
}

/** A distinguished name as one text that no other name has; the order of its attributes does not count. */
function writeName(attributes: ClientCertificate['issuer']): string {
  return JSON.stringify(Object.entries(attributes).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
