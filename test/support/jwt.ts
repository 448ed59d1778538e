import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';

export interface Jwt {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A key of a JWKS. */
export type PublicKey = JsonWebKey & { readonly kid: string; readonly alg: string; readonly use: string };

/** Takes a JWT apart without believing it. */
export function readJwt(token: string): Jwt {
  const [header = '', claims = ''] = token.split('.');
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Jwt['claims'];
  return { header: read(header), claims: read(claims) };
}

/** Checks the signature by hand (RFC 7515 §5.2), with Node's own cryptography and nothing of what made it. Null when it is not good. */
export function verifyJwt(token: string, keys: readonly PublicKey[]): Jwt | null {
  const [header = '', claims = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0) return null;
  const jwt = readJwt(token);
  const jwk = keys.find(({ kid }) => kid === jwt.header['kid']);
  if (jwk === undefined || jwk.alg !== jwt.header['alg']) return null;
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  const digest = jwk.alg === 'EdDSA' ? null : 'sha256';
  const signed = Buffer.from(`${header}.${claims}`);
  const isGood = verify(digest, signed, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  return isGood ? jwt : null;
}
