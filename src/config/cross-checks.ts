import { accessSync, constants, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { readJwksFile } from '../authentication/issuer-pool.ts';
import { usableKeys } from '../authentication/jwks.ts';
import { hasCode } from '../errors.ts';
import { canonicalPrefix, foldPath } from '../request/path.ts';
import { routeHost } from '../route/config.ts';
import type { ListenAddress } from '../server/config.ts';
import { readCertificate } from '../server/tls/certificates.ts';
import type { ConfigPath } from './config-path.ts';
import { checkAmbient } from './ambient-checks.ts';
import { checkOAuth } from './oauth-checks.ts';
import { checkWhatRoutesDo } from './route-checks.ts';
import { checkSignIn } from './sign-in-checks.ts';
import type { Config } from './schema.ts';
import { reasonOf } from './substitute.ts';

/** Says that something is wrong at a place of the configuration. */
export type Complain = (path: ConfigPath, message: string, atKey?: boolean) => void;

/** Faults that only show when several values, or a value and the machine, are seen together. */
export function crossCheck(config: Config, complain: Complain): void {
  checkListeners(config, complain);
  checkTls(config, complain);
  checkStore(config, complain);
  checkCookie(config, complain);
  checkRoutes(config, complain);
  checkWhatRoutesDo(config, complain);
  checkBearer(config, complain);
  checkLdap(config, complain);
  checkSignIn(config, complain);
  checkOAuth(config, complain);
  checkAmbient(config, complain);
  for (const key of ['logo', 'css'] as const) {
    const file = config.theme[key];
    if (file !== undefined) checkReadable(file, ['theme', key], complain);
  }
}

function checkLdap({ signIn: { ldap } }: Config, complain: Complain): void {
  const ca = ldap?.tls.ca;
  if (ca !== undefined) checkReadable(ca, ['signIn', 'ldap', 'tls', 'ca'], complain);
}

function checkListeners({ server, admin }: Config, complain: Complain): void {
  if (server.publicUrl === '')
    complain(['server', 'publicUrl'], 'is missing; with unix sockets alone write the origin that visitors see');
  const seen = new Set<string>();
  for (const address of [...server.listen, ...(server.redirectHttp === undefined ? [] : [server.redirectHttp])]) {
    const text = writeAddress(address);
    if (seen.has(text) && !text.endsWith(':0')) complain(['server', 'listen'], `names ${text} twice; take one away`);
    seen.add(text);
  }
  if (seen.has(admin.listen) && !admin.listen.endsWith(':0'))
    complain(['admin', 'listen'], 'is also in server.listen; visitors must never reach the admin listener');
  const sockets = [...seen, admin.listen].filter((text) => text.startsWith('unix:'));
  // sockaddr_un holds 108 bytes with the closing NUL.
  for (const socket of sockets)
    if (Buffer.byteLength(socket.slice(5)) > 107)
      complain([socket === admin.listen ? 'admin' : 'server', 'listen'], 'is too long for the path of a unix socket');
}

function writeAddress(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function checkTls({ server }: Config, complain: Complain): void {
  const { tls, listen, redirectHttp, publicUrl } = server;
  if (server.proxyProtocol && server.trustedProxies.length === 0)
    complain(['server', 'proxyProtocol'], 'needs server.trustedProxies, the proxies that send the header');
  if (redirectHttp !== undefined && !publicUrl.startsWith('https:'))
    complain(['server', 'redirectHttp'], 'leads to https, but server.publicUrl is http; write its https origin');
  if (tls === undefined) {
    if (listen.some((entry) => entry.tls === true))
      complain(['server', 'listen'], 'asks for tls at an address, but there is no certificate; write server.tls');
    return;
  }
  if (listen.every((entry) => entry.tls === false))
    complain(['server', 'tls'], 'is given, but no address of server.listen speaks TLS; take one of the two away');
  for (const [index, files] of tls.certificates.entries())
    complainOf(
      tls.certificates.length === 1 ? ['server', 'tls'] : ['server', 'tls', 'certificates', index],
      complain,
      () => readCertificate(files, tls),
    );
}

/** What reading throws is a fault of this place. */
function complainOf(path: ConfigPath, complain: Complain, read: () => unknown): void {
  try {
    read();
  } catch (error) {
    if (!hasCode(error, 'config-invalid')) throw error;
    complain(path, error.message);
  }
}

function checkStore({ server, store }: Config, complain: Complain): void {
  if (store.url === 'memory:' && server.workers !== 1)
    complain(
      ['server', 'workers'],
      'needs a store that several processes share; write store.url sqlite:PATH or 1 here',
    );
}

function checkCookie({ server, session }: Config, complain: Complain): void {
  const { domain, sameSite } = session.cookie;
  const host = URL.canParse(server.publicUrl) ? new URL(server.publicUrl).hostname : '';
  if (sameSite === 'none' && !server.publicUrl.startsWith('https:'))
    complain(
      ['session', 'cookie', 'sameSite'],
      'none works only over https; write lax, or an https origin as server.publicUrl',
    );
  if (domain === null || host === '') return;
  if (isIP(domain) !== 0) complain(['session', 'cookie', 'domain'], 'is an address; cookies know only names');
  else if (host !== domain && !host.endsWith(`.${domain}`))
    complain(
      ['session', 'cookie', 'domain'],
      `does not contain ${host}, the host of server.publicUrl; write a domain that both lie in`,
    );
}

function checkRoutes({ routes, server }: Config, complain: Complain): void {
  const ids = new Map<string, number>();
  const places = new Map<string, number>();
  for (const [index, route] of routes.entries()) {
    const sameId = ids.get(route.id);
    if (sameId !== undefined)
      complain(['routes', index, 'id'], `is already the id of routes[${sameId}]; write another`);
    ids.set(route.id, index);

    const problem = problemOfPath(route.path);
    if (problem !== undefined) complain(['routes', index, 'path'], problem);
    const path = canonicalPrefix(route.path) ?? route.path;
    // As the most forgiving reader sees it: what could be taken for ours must not lead to an app.
    if (`${foldPath(path)}/`.startsWith(`${foldPath(server.authPath)}/`))
      complain(['routes', index, 'path'], `lies under server.authPath (${server.authPath}), which is ours alone`);

    const place = `${routeHost(route.host) ?? ''} ${path}`;
    const samePlace = places.get(place);
    if (samePlace !== undefined)
      complain(
        ['routes', index],
        `has the same host and path as routes[${samePlace}]; change one or put them together`,
      );
    places.set(place, index);
  }
}

/** A route's path is a literal prefix; what looks like a pattern would silently never fit. */
function problemOfPath(path: string): string | undefined {
  if (/[\^$*|\\[\]{}()]|\.\+|\/:/.test(path))
    return 'looks like a pattern, but is a plain prefix; patterns belong in access under when.paths';
  if (/[?#]/.test(path)) return 'holds a query or fragment; write the path alone';
  if (/[\s\u007f]/.test(path)) return 'holds white space; write it as %20';
  if (path.includes('//')) return 'holds //; write one /';
  if (/(^|\/)(\.|%2e){1,2}(;[^/]*)?(\/|$)/i.test(path)) return 'holds a dot segment, which no accepted request has';
  if (/%(?![0-9a-f]{2})/i.test(path)) return 'has a % without two hex digits';
  if (/%(2f|5c|0[0-9a-f]|1[0-9a-f]|7f)/i.test(path)) return 'holds an escape that no accepted request has';
  if (canonicalPrefix(path) === null) return 'can never be the start of a path that is accepted';
  return undefined;
}

function checkBearer({ bearer, server }: Config, complain: Complain): void {
  for (const [index, { issuer, jwksFile, algorithms }] of bearer.entries()) {
    if (issuer === server.publicUrl)
      complain(
        ['bearer', index, 'issuer'],
        'is this gateway itself (server.publicUrl); what it signs for apps must open nothing here',
      );
    if (jwksFile === undefined) continue;
    const keys = readKeys(jwksFile, ['bearer', index, 'jwksFile'], complain);
    if (keys !== undefined && (usableKeys(keys, algorithms) ?? []).length === 0)
      complain(
        ['bearer', index, 'jwksFile'],
        `names ${jwksFile}, which holds no public key for ${algorithms.join(', ')}; write {"keys": [JWK, …]}`,
      );
  }
}

function readKeys(file: string, path: ConfigPath, complain: Complain): unknown {
  try {
    return readJwksFile(file);
  } catch (error) {
    complain(
      path,
      `names ${file}, which can't be read as JSON (${reasonOf(error instanceof Error ? error.cause : error)})`,
    );
    return undefined;
  }
}

export function checkReadable(file: string, path: ConfigPath, complain: Complain): void {
  try {
    if (!statSync(file).isFile()) complain(path, `names ${file}, which is not a plain file`);
    else accessSync(file, constants.R_OK);
  } catch (error) {
    complain(path, `names ${file}, which can't be read (${reasonOf(error)})`);
  }
}
