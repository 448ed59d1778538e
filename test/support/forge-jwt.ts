import { createHmac, generateKeyPairSync, sign, constants, type KeyObject } from 'node:crypto';

/** A key pair of a test's own, and its public half as it stands in a JWKS. */
export interface ForgedKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function makeRsaKey(kid: string, modulusLength = 2048): ForgedKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  return { kid, privateKey, publicKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' } };
}

/** How a token is signed; `none` writes nothing behind the last dot. */
export type Signer =
  | { readonly kind: 'rs256' | 'ps256'; readonly key: KeyObject }
  | { readonly kind: 'hs256'; readonly secret: string | Buffer }
  | { readonly kind: 'none' };

/** Writes a JWT by hand, so that it may be as wrong as a test wants. A text as header stands as it is. */
export function forgeJwt(header: object | string, claims: object, signer: Signer): string {
  const encode = (part: object | string) =>
    Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${signature(Buffer.from(signed), signer).toString('base64url')}`;
}

function signature(data: Buffer, signer: Signer): Buffer {
  switch (signer.kind) {
    case 'rs256':
      return sign('sha256', data, signer.key);
    case 'ps256':
      return sign('sha256', data, { key: signer.key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 });
    case 'hs256':
      return createHmac('sha256', signer.secret).update(data).digest();
    case 'none':
      return Buffer.alloc(0);
  }
}
