import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';
import { GatewayError } from '../errors.ts';
import type { Upstream } from '../route/upstream/config.ts';
import type { UpstreamTls } from '../route/upstream/tls/config.ts';

/** What `tls.connect` is told about an upstream, beside where it is. */
export interface SecureOptions {
  readonly secureContext?: SecureContext;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** Finds what was read for an upstream; of one that was not there at the start the files are read now. */
export type SecureOptionsOf = (upstream: Upstream) => SecureOptions;

/** Reads the certificates of these upstreams, once. Throws `config-invalid` with file and reason when one can't be used. */
export function readSecureOptions(upstreams: readonly Upstream[]): SecureOptionsOf {
  const known = new WeakMap<Upstream, SecureOptions>();
  const optionsOf: SecureOptionsOf = (upstream) => {
    const found = known.get(upstream) ?? read(upstream.tls);
    known.set(upstream, found);
    return found;
  };
  for (const upstream of upstreams) optionsOf(upstream);
  return optionsOf;
}

function read(tls: UpstreamTls | undefined): SecureOptions {
  if (tls === undefined) return {};
  const { serverName, insecureSkipTlsVerify } = tls;
  return {
    secureContext: readSecureContext(tls),
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
  };
}

/** Reads and checks the PEM files. Throws `config-invalid`. */
export function readSecureContext({ ca, cert, key }: Pick<UpstreamTls, 'ca' | 'cert' | 'key'>): SecureContext {
  return createSecureContext({
    ...(ca === undefined ? {} : { ca: [...readAuthorities(ca)] }),
    ...(cert === undefined || key === undefined ? {} : readPair(cert, key)),
  });
}

/** Reads the authorities to believe. Throws `config-invalid`. */
export function readAuthorities(file: string): readonly string[] {
  const text = attempt(`read ${file}`, () => readFileSync(file, 'utf8'));
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new GatewayError('config-invalid', `could not find a certificate in ${file}`);
  // Node takes what is no certificate without a word, and trusts nobody then.
  for (const block of blocks) attempt(`read the certificates in ${file}`, () => new X509Certificate(block));
  return blocks;
}

/** Reads a certificate and its key, and checks that they belong together. Throws `config-invalid`. */
export function readPair(certFile: string, keyFile: string): { readonly cert: string; readonly key: string } {
  const cert = attempt(`read ${certFile}`, () => readFileSync(certFile, 'utf8'));
  const key = attempt(`read ${keyFile}`, () => readFileSync(keyFile, 'utf8'));
  const certificate = attempt(`read the certificate ${certFile}`, () => new X509Certificate(cert));
  const secret = attempt(`read the private key ${keyFile}`, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(secret))
    throw new GatewayError('config-invalid', `could not use ${keyFile}: it is not the key of ${certFile}`);
  return { cert, key };
}

function attempt<T>(doing: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError('config-invalid', `could not ${doing}: ${reason}`, { cause });
  }
}
