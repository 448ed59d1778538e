import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { JWK, JWTPayload } from 'jose';
import type { BearerIssuerConfig } from '../../src/authentication/config.ts';
import { bearerConfig } from '../../src/authentication/config.ts';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

/** Somebody who signs tokens, with one key. */
export interface TestIssuer {
  readonly alg: string;
  readonly kid: string;
  readonly publicJwk: JWK;
  readonly privateKey: KeyPair['privateKey'];
  /** A token with these claims as they are, and further members of its head. */
  readonly sign: (claims: JWTPayload, head?: Readonly<Record<string, unknown>>) => Promise<string>;
}

/** Makes a key and who signs with it. */
export async function createTestIssuer(kid = 'k1', alg = 'ES256'): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    alg,
    kid,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    privateKey,
    sign: (claims, head = {}) => new SignJWT(claims).setProtectedHeader({ alg, kid, ...head }).sign(privateKey),
  };
}

/** Base64url of a JSON text, for tokens that no library would make. */
export function encodePart(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}

/** The checked configuration of one issuer. */
export function issuerConfig(config: Readonly<Record<string, unknown>> = {}): BearerIssuerConfig {
  const [issuer] = bearerConfig.parse([{ issuer: 'https://issuer.test', audience: 'api', ...config }]);
  if (issuer === undefined) throw new Error('no issuer came out');
  return issuer;
}

/** A fetch that answers JSON (or a Response) by address, and counts what it was asked. */
export function createTestFetch(documents: Readonly<Record<string, () => unknown>>) {
  const asked: string[] = [];
  const answer: typeof globalThis.fetch = async (input) => {
    const url = input instanceof Request ? input.url : String(input);
    asked.push(url);
    await Promise.resolve();
    const value = documents[url]?.();
    if (value === undefined) return new Response('not here', { status: 404 });
    return value instanceof Response ? value : Response.json(value);
  };
  return { fetch: answer, asked };
}
