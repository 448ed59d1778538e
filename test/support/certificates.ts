import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from './programs.ts';

const openssl = findProgram('openssl');
const run = promisify(execFile);

/** Certificates are made by the openssl program; suites that need them skip without it. */
export const hasOpenssl = openssl !== null;

/** A certificate and its key as PEM files, and what clients are told of them. */
export interface Certificate {
  /** Path of the PEM file: the certificate, then the intermediate's if there is one. */
  readonly cert: string;
  /** Path of the PEM file of the private key. */
  readonly key: string;
}

/** Signs certificates. `ca` is the path of the PEM file that clients trust: the root. */
export interface Authority extends Certificate {
  readonly directory: string;
  readonly ca: string;
}

export interface AuthorityOptions {
  /** Common name. */
  readonly name?: string;
  /** Makes an intermediate authority that this one has signed. */
  readonly signedBy?: Authority;
}

export interface CertificateOptions {
  /** DNS names, wildcards too. The first is the common name unless `commonName` says otherwise. */
  readonly names?: readonly string[];
  readonly ips?: readonly string[];
  readonly emails?: readonly string[];
  readonly uris?: readonly string[];
  readonly commonName?: string;
  /** More of the subject, in openssl's way: `/O=Example/OU=Lab`. */
  readonly subject?: string;
  /** For TLS clients instead of servers. */
  readonly client?: boolean;
  /** Its time is over already. */
  readonly expired?: boolean;
  /** `ec` (P-256, the default) or `rsa` (2048 bits). */
  readonly keyType?: 'ec' | 'rsa';
}

/** Makes an authority whose files stand below `directory`. */
export async function makeAuthority(directory: string, options: AuthorityOptions = {}): Promise<Authority> {
  const { name = 'Test Authority', signedBy } = options;
  const folder = join(directory, `authority-${randomUUID()}`);
  await mkdir(folder, { recursive: true });
  const made = await make(folder, {
    subject: `/CN=${name}`,
    extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign'],
    expired: false,
    keyType: 'ec',
    signer: signedBy ?? null,
  });
  return { directory: folder, ...made, ca: signedBy?.ca ?? made.cert };
}

/** Makes a certificate that `authority` has signed. */
export async function makeCertificate(authority: Authority, options: CertificateOptions = {}): Promise<Certificate> {
  const { names = [], ips = [], emails = [], uris = [], client = false, expired = false, keyType = 'ec' } = options;
  const folder = join(authority.directory, randomUUID());
  await mkdir(folder);
  const alternatives = [
    ...names.map((name) => `DNS:${name}`),
    ...ips.map((ip) => `IP:${ip}`),
    ...emails.map((email) => `email:${email}`),
    ...uris.map((uri) => `URI:${uri}`),
  ];
  return make(folder, {
    subject: `${options.subject ?? ''}/CN=${options.commonName ?? names[0] ?? ips[0] ?? 'somebody'}`,
    extensions: [
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      `extendedKeyUsage=${client ? 'clientAuth' : 'serverAuth'}`,
      ...(alternatives.length === 0 ? [] : [`subjectAltName=${alternatives.join(',')}`]),
    ],
    expired,
    keyType,
    signer: authority,
  });
}

interface Order {
  readonly subject: string;
  readonly extensions: readonly string[];
  readonly expired: boolean;
  readonly keyType: 'ec' | 'rsa';
  readonly signer: Authority | null;
}

async function make(folder: string, { subject, extensions, expired, keyType, signer }: Order): Promise<Certificate> {
  const cert = join(folder, 'cert.pem');
  const key = join(folder, 'key.pem');
  await openSsl(
    ...['req', '-x509', '-nodes', '-batch', '-utf8', '-subj', subject, '-days', '30'],
    ...(keyType === 'rsa' ? ['-newkey', 'rsa:2048'] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']),
    ...extensions.flatMap((extension) => ['-addext', extension]),
    ...(signer === null || expired ? [] : ['-CA', signer.cert, '-CAkey', signer.key]),
    ...['-keyout', key, '-out', cert],
  );
  // `req` makes none that is over; what signs a self-signed one anew does.
  if (expired && signer !== null)
    await openSsl('x509', '-in', cert, '-CA', signer.cert, '-CAkey', signer.key, '-days', '-1', '-out', cert);
  // An intermediate goes along with what it signed; the root is the client's own.
  if (signer !== null && signer.cert !== signer.ca)
    await writeFile(cert, (await readFile(cert, 'utf8')) + (await readFile(signer.cert, 'utf8')));
  return { cert, key };
}

/** Runs the openssl program. */
export async function openSsl(...args: readonly string[]): Promise<string> {
  if (openssl === null) throw new Error('there is no openssl program');
  const { stdout } = await run(openssl, args);
  return stdout;
}
