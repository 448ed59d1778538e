import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { GatewayError } from '../../errors.ts';
import type { Runtime } from '../../runtime.ts';
import { alternativeNames } from './alternative-names.ts';
import type { CertificateFiles, TlsConfig } from './config.ts';

/** A certificate that we show. */
export interface Certificate {
  readonly context: SecureContext;
  /** What `context` was made from. */
  readonly options: SecureContextOptions;
  readonly names: ServerNames;
  readonly notAfterMs: number;
}

/** Names that a certificate is good for. */
export interface ServerNames {
  readonly all: readonly string[];
  readonly covers: (host: string) => boolean;
}

/** The certificates of the public listeners. Files that changed are read by `reload`. */
export interface Certificates {
  /** Exact name before wildcard; the first certificate where none fits or no name is asked for. */
  readonly choose: (serverName: string | null) => Certificate;
  /** All files that a change of should lead to `reload`. */
  readonly files: readonly string[];
  /** Reads every file anew. A pair that can't be used changes nothing and is told to the log; returns whether all could. */
  readonly reload: () => boolean;
}

/**
 * Suites of TLS 1.2 with forward secrecy and authenticated encryption alone (Mozilla's "intermediate" without DHE), and those of 1.3.
 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Reads all certificates. Throws `config-invalid` with file and reason when one can't be used. */
export function loadCertificates(config: TlsConfig, { log, now }: Pick<Runtime, 'log' | 'now'>): Certificates {
  const read = (files: CertificateFiles): Certificate => {
    const certificate = readCertificate(files, config);
    const names = certificate.names.all.join(', ');
    const until = new Date(certificate.notAfterMs).toISOString();
    if (certificate.notAfterMs < now()) log.warn('tls.certificate-expired', { file: files.cert, names, until });
    else log.info('tls.certificate-loaded', { file: files.cert, names, until });
    return certificate;
  };
  let current = config.certificates.map(read);

  return {
    choose: (serverName) => {
      const exact = current.find(({ names }) => serverName !== null && names.all.includes(serverName));
      const fitting = exact ?? current.find(({ names }) => serverName !== null && names.covers(serverName));
      const chosen = fitting ?? current[0];
      if (chosen === undefined) throw new GatewayError('internal', 'there is no certificate');
      return chosen;
    },
    files: [
      ...config.certificates.flatMap(({ cert, key }) => [cert, key]),
      ...(config.clientCa === undefined ? [] : [config.clientCa]),
    ],
    reload: () => {
      let allRead = true;
      current = config.certificates.map((files, index) => {
        try {
          return read(files);
        } catch (error) {
          allRead = false;
          log.error('tls.certificate-refused', { file: files.cert, error });
          const before = current[index];
          if (before === undefined) throw error;
          return before;
        }
      });
      return allRead;
    },
  };
}

/** Reads one pair and checks that it belongs together. Throws `config-invalid`. */
export function readCertificate(
  files: CertificateFiles,
  config: Pick<TlsConfig, 'clientCa' | 'minVersion'>,
): Certificate {
  const cert = readPem(files.cert, 'certificate');
  const key = readPem(files.key, 'private key');
  const ca = config.clientCa === undefined ? undefined : readAuthorities(config.clientCa);
  const leaf = attempt(`read the certificate ${files.cert}`, () => new X509Certificate(cert));
  const secret = attempt(`read the private key ${files.key}`, () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(secret))
    throw new GatewayError(
      'config-invalid',
      `the private key ${files.key} does not belong to the certificate ${files.cert}`,
    );
  const options: SecureContextOptions = {
    cert,
    key,
    ciphers,
    honorCipherOrder: true,
    minVersion: config.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: [...ca] }),
  };
  const context = attempt(`use the certificate ${files.cert}`, () => createSecureContext(options));
  return { context, options, names: serverNames(leaf), notAfterMs: Date.parse(leaf.validTo) };
}

/** Reads the authorities of client certificates. Throws `config-invalid`. */
export function readAuthorities(file: string): readonly string[] {
  const text = readPem(file, 'certificates of authorities');
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new GatewayError('config-invalid', `there is no certificate in ${file}`);
  for (const block of blocks) attempt(`read the certificates in ${file}`, () => new X509Certificate(block));
  return blocks;
}

function readPem(file: string, what: string): string {
  return attempt(`read the ${what} ${file}`, () => readFileSync(file, 'utf8'));
}

function attempt<T>(doing: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError('config-invalid', `could not ${doing}: ${reason}`, { cause });
  }
}

/** RFC 6125 §6.4: alternative names count; a wildcard stands for exactly one label. */
function serverNames(certificate: X509Certificate): ServerNames {
  const { dnsNames, addresses } = alternativeNames(certificate.subjectAltName ?? '');
  const all = [...dnsNames.map((name) => name.toLowerCase()), ...addresses];
  const known = new Set(all);
  return {
    all,
    covers: (host) => known.has(host) || (host.includes('.') && known.has(`*${host.slice(host.indexOf('.'))}`)),
  };
}
