import { statSync } from 'node:fs';
import { isLoopbackHost } from '../request/host.ts';
import { readListenAddress } from '../server/config.ts';
import { isLoopbackHttp } from '../sign-in/oidc/config.ts';
import { warnOfAmbient } from './ambient-checks.ts';
import type { Complain } from './cross-checks.ts';
import type { ConfigDocument } from './document.ts';
import type { ConfigPath } from './config-path.ts';
import { warnOfOAuth } from './oauth-checks.ts';
import { isSecret } from './redact.ts';
import type { Config } from './schema.ts';

/** What is allowed but unsafe; told at every start, as nobody reads a configuration twice. */
export function warnOf(config: Config, warn: Complain): void {
  const { server, admin, store, session, bearer, signIn, routes } = config;
  const url = new URL(server.publicUrl);
  if (url.protocol === 'http:' && url.hostname !== 'localhost' && !isLoopbackHost(url.hostname.replace(/^\[|\]$/g, '')))
    warn(
      ['server', 'publicUrl'],
      'is http: passwords and cookies travel in the clear; put TLS in front and write https',
    );
  for (const [index, network] of server.trustedProxies.entries())
    // Shorter than any network that somebody owns: half of the addresses, written twice, is everybody too.
    if (/\/[0-7]$/.test(network))
      warn(['server', 'trustedProxies', index], 'trusts everybody to say who they are; name only your own proxies');
  for (const { key } of server.tls?.certificates ?? [])
    if (isReadByEveryone(key))
      warn(
        ['server', 'tls'],
        `names the private key ${key}, which every account of this machine can read; chmod 600 it`,
      );
  if (server.tls !== undefined && url.protocol === 'http:')
    warn(['server', 'publicUrl'], 'is http although server.tls is given: cookies and links are made for http');
  const address = readListenAddress(admin.listen);
  if (address?.kind === 'tcp' && !isLoopbackHost(address.host))
    warn(['admin', 'listen'], 'is reachable from other machines; whoever reaches it can list and end sessions');
  warnOfLdap(config, warn);
  warnOfAmbient(config, warn);
  warnOfOAuth(config, warn);
  if (store.url === 'memory:') warn(['store', 'url'], 'is memory: a restart signs everybody out');
  if (session.cookie.sameSite === 'none')
    warn(['session', 'cookie', 'sameSite'], 'is none: other sites can send requests in the name of your users');
  for (const [index, { insecureHttp }] of bearer.entries())
    if (insecureHttp)
      warn(['bearer', index, 'insecureHttp'], 'is true: whoever is between us and that issuer can make tokens of it');
  for (const [index, { insecureHttp, issuer }] of signIn.oidc.entries())
    if (insecureHttp && !isLoopbackHttp(issuer))
      warn(
        ['signIn', 'oidc', index, 'insecureHttp'],
        'is true: whoever is between us and that provider can sign in as anybody',
      );
  for (const [index, { upstream }] of routes.entries())
    if (upstream?.tls?.insecureSkipTlsVerify === true)
      warn(
        ['routes', index, 'upstream', 'tls', 'insecureSkipTlsVerify'],
        'is true: whoever stands between can read and change everything; name the authority in ca instead',
      );
  for (const [index, route] of routes.entries())
    if (route.path === '/' && route.upstream !== undefined && isPublic(route.access))
      warn(['routes', index, 'access'], 'lets anyone in on every path of this host, without sign-in');
}

function warnOfLdap({ signIn: { ldap } }: Config, warn: Complain): void {
  if (ldap === undefined) return;
  if (ldap.insecureNoTls)
    warn(['signIn', 'ldap', 'insecureNoTls'], 'lets passwords travel in the clear; use ldaps:// or startTls');
  if (ldap.tls.insecureSkipTlsVerify)
    warn(
      ['signIn', 'ldap', 'tls', 'insecureSkipTlsVerify'],
      'believes any certificate: passwords may go to anybody; name the authority in tls.ca',
    );
  if (ldap.userDn !== undefined && ldap.bindDn === undefined)
    warn(
      ['signIn', 'ldap', 'userDn'],
      'stands without bindDn: sessions keep the groups of their sign-in, and go on when the person is gone',
    );
}

function isPublic(access: Config['routes'][number]['access']): boolean {
  if (typeof access === 'string') return access === 'public';
  const [first] = access;
  return first !== undefined && 'allow' in first && first.allow.includes('anyone') && !first.when && !first.require;
}

/** Secrets in files that every account of the machine can read. `file` is the configuration itself. */
export function warnOfReadableSecrets(value: unknown, file: string, document: ConfigDocument, warn: Complain): void {
  for (const path of secretPaths(value, [])) {
    const source = document.isLiteral(path) ? file : document.fileOf(path);
    if (source !== undefined && isReadByEveryone(source))
      warn(path, `is a secret in ${source}, which every account of this machine can read; chmod 600 it`);
  }
}

function isReadByEveryone(path: string): boolean {
  // Read a moment ago; gone by now is no reason to fail.
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat !== undefined && (stat.mode & 0o004) !== 0;
}

function secretPaths(value: unknown, path: ConfigPath): readonly ConfigPath[] {
  if (typeof value === 'string') return isSecret(path, value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, entry]) =>
    secretPaths(entry, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
