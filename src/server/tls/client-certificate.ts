import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import type { ClientCertificate } from '../../request/facts.ts';
import { alternativeNames } from './alternative-names.ts';

/** The verified certificate of a TLS client; null when it gave none, or one that our authorities did not sign. */
export function readClientCertificate(socket: TLSSocket): ClientCertificate | null {
  if (!socket.authorized) return null;
  const certificate: PeerCertificate | DetailedPeerCertificate = socket.getPeerCertificate();
  // Node gives an empty object where there is none.
  if (!('fingerprint256' in certificate) || !certificate.fingerprint256) return null;
  const { emails, dnsNames, uris } = alternativeNames(certificate.subjectaltname ?? '');
  return {
    subject: attributes(certificate.subject),
    issuer: attributes(certificate.issuer),
    emails,
    dnsNames,
    uris,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    serialNumber: certificate.serialNumber.toLowerCase(),
    notAfterMs: Date.parse(certificate.valid_to),
  };
}

/** A client gave a certificate, whether it is good or not. */
export function hasClientCertificate(socket: TLSSocket): boolean {
  return 'raw' in socket.getPeerCertificate();
}

function attributes(name: object): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(name).map(([key, value]: [string, unknown]): [string, readonly string[]] => [
      key,
      Array.isArray(value) ? value.map(String) : [String(value)],
    ]),
  );
}
