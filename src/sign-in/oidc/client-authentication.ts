import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { importPKCS8, type CryptoKey } from 'jose';
import { ClientSecretBasic, ClientSecretPost, None, PrivateKeyJwt, type ClientAuth } from 'openid-client';
import { GatewayError } from '../../errors.ts';
import type { OidcProviderConfig } from './config.ts';

type Settings = Pick<OidcProviderConfig, 'id' | 'clientSecret' | 'clientKey' | 'clientKeyId' | 'clientAuthentication'>;

/** What proves to the provider who we are, once it has said which ways it supports. */
export type ClientAuthentication = (supported: readonly string[] | undefined) => Promise<ClientAuth>;

/** Reads the key, where one is named. Throws `config-invalid`; `cross-checks` of the configuration told so before. */
export function createClientAuthentication(config: Settings): ClientAuthentication {
  const { clientSecret, clientKeyId } = config;
  const key = config.clientKey === undefined ? null : readKey(config.clientKey, config.id);
  let imported: Promise<CryptoKey> | null = null;
  return async (supported) => {
    const method = config.clientAuthentication ?? usual(config, supported);
    switch (method) {
      case 'none':
        return None();
      case 'basic':
        return ClientSecretBasic(clientSecret);
      case 'post':
        return ClientSecretPost(clientSecret);
      case 'private-key-jwt': {
        if (key === null) throw new GatewayError('config-invalid', `provider "${config.id}" has no clientKey`);
        imported ??= importPKCS8(key.export({ type: 'pkcs8', format: 'pem' }).toString(), algorithmOf(key));
        return PrivateKeyJwt(clientKeyId === undefined ? await imported : { key: await imported, kid: clientKeyId });
      }
    }
  };
}

function usual({ clientKey, clientSecret }: Settings, supported: readonly string[] | undefined) {
  if (clientKey !== undefined) return 'private-key-jwt';
  if (clientSecret === undefined) return 'none';
  // OpenID Connect Discovery §3: who says nothing supports Basic.
  const isPostOnly = supported?.includes('client_secret_post') === true && !supported.includes('client_secret_basic');
  return isPostOnly ? 'post' : 'basic';
}

/** Throws `config-invalid`. */
export function readKey(file: string, id: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(file));
  } catch (cause) {
    throw new GatewayError('config-invalid', `could not read the clientKey of provider "${id}" from ${file}`, {
      cause,
    });
  }
  algorithmOf(key);
  return key;
}

function algorithmOf(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2_048) return 'RS256';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ES256';
  if (type === 'ed25519') return 'EdDSA';
  throw new GatewayError(
    'config-invalid',
    'found a clientKey that is neither RSA of 2048 bits, nor P-256, nor Ed25519',
  );
}
