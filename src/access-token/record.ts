import type { Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import { createSealer, deriveKey } from '../store/sealing.ts';
import type { AccessToken, TokenUse } from './access-token.ts';

/** Grows when a record changes in a way that an older reader would misunderstand; others are not read. */
const recordVersion = 1;

/** Turns one kind of value into what stands in the store, and back. */
export interface Records<Value> {
  readonly seal: (key: string, value: Value) => string;
  /** Null for a record that was not sealed by us for this key. */
  readonly open: (key: string, sealed: unknown) => Value | null;
}

export interface TokenRecords {
  readonly tokens: Records<AccessToken>;
  readonly uses: Records<TokenUse>;
  readonly owners: Records<Identity>;
}

/** Records are sealed (AES-256-GCM) under a key of their own and bound to their kind and key. */
export function createTokenRecords(secret: Buffer, randomBytes: Runtime['randomBytes']): TokenRecords {
  const sealer = createSealer(deriveKey(secret, 'access-token'), randomBytes);
  const recordsOf = <Value>(kind: string, is: (value: unknown, key: string) => value is Value): Records<Value> => ({
    seal: (key, value) => sealer.seal(JSON.stringify({ version: recordVersion, value }), `${kind}/${key}`),
    open: (key, sealed) => {
      const text = typeof sealed === 'string' ? sealer.open(sealed, `${kind}/${key}`) : null;
      if (text === null) return null;
      const record: unknown = JSON.parse(text);
      if (!isObject(record) || record['version'] !== recordVersion) return null;
      const { value } = record;
      return is(value, key) ? value : null;
    },
  });
  return {
    tokens: recordsOf('token', isToken),
    uses: recordsOf('token-use', isUse),
    owners: recordsOf('token-owner', isIdentity),
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function hasTexts(value: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string');
}

function isToken(value: unknown, key: string): value is AccessToken {
  return (
    isObject(value) &&
    value['id'] === key &&
    isObject(value['owner']) &&
    hasTexts(value['owner'], ['user', 'issuer', 'subject']) &&
    typeof value['name'] === 'string' &&
    Number.isFinite(value['createdAtMs']) &&
    Number.isFinite(value['expiresAtMs']) &&
    (value['routes'] === null || isTexts(value['routes'])) &&
    (value['methods'] === null || isTexts(value['methods']))
  );
}

function isUse(value: unknown): value is TokenUse {
  return isObject(value) && Number.isFinite(value['atMs']) && typeof value['address'] === 'string';
}

function isIdentity(value: unknown): value is Identity {
  return (
    isObject(value) &&
    hasTexts(value, ['user', 'name', 'email', 'method', 'issuer', 'subject']) &&
    isTexts(value['groups']) &&
    isObject(value['claims']) &&
    Object.values(value['claims']).every(isTexts)
  );
}
