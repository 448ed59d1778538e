import { hasCode } from '../errors.ts';
import { readKey } from '../sign-in/oidc/client-authentication.ts';
import type { OidcProviderConfig } from '../sign-in/oidc/config.ts';
import { checkReadable, type Complain } from './cross-checks.ts';
import type { Config } from './schema.ts';

/** Methods that have names of their own, whole ways to prove who we are, and addresses that nobody reads along. */
export function checkSignIn({ signIn }: Config, complain: Complain): void {
  const ids = new Map<string, number>();
  for (const [index, provider] of signIn.oidc.entries()) {
    const say: Complain = (path, message) => complain(['signIn', 'oidc', index, ...path], message);
    const same = ids.get(provider.id);
    if (same !== undefined) say(['id'], `is already the id of oidc[${same}]; write another`);
    if (provider.id === signIn.ldap?.id) say(['id'], 'is already the id of ldap; write another');
    ids.set(provider.id, index);
    checkProvider(provider, say);
  }
}

function checkProvider(provider: OidcProviderConfig, say: Complain): void {
  const { id, issuer, insecureHttp, clientAuthentication: way, clientSecret, clientKey, clientKeyId, ca } = provider;
  if (issuer.startsWith('http:') && !insecureHttp)
    say(['issuer'], 'is http; write https, or insecureHttp: true where nobody can stand between');
  if ((way === 'basic' || way === 'post') && clientSecret === undefined)
    say(['clientAuthentication'], `is ${way}, which needs a clientSecret`);
  if (way === 'private-key-jwt' && clientKey === undefined)
    say(['clientAuthentication'], 'is private-key-jwt, which needs a clientKey');
  if (clientKeyId !== undefined && clientKey === undefined) say(['clientKeyId'], 'has no effect without a clientKey');
  if (way === 'none' && (clientSecret !== undefined || clientKey !== undefined))
    say(['clientAuthentication'], 'is none, but there is a secret or key; take one of them away');
  if (ca !== undefined) checkReadable(ca, ['ca'], say);
  if (clientKey === undefined) return;
  try {
    readKey(clientKey, id);
  } catch (error) {
    if (!hasCode(error, 'config-invalid')) throw error;
    say(['clientKey'], `can't be used: ${error.message}`);
  }
}
