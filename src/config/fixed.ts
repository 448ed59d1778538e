import type { Config } from './schema.ts';

/** What is in force until the restart: half of such a setting would be worse than none. */
export function keepFixed(next: Config, first: Config): Config {
  const sameScheme = next.server.publicUrl.split(':', 1)[0] === first.server.publicUrl.split(':', 1)[0];
  const { publicUrl } = sameScheme ? next.server : first.server;
  const { listen, tls, limits, redirectHttp, proxyProtocol, workers } = first.server;
  return {
    ...next,
    server: { ...next.server, publicUrl, listen, tls, limits, redirectHttp, proxyProtocol, workers },
    admin: first.admin,
    store: first.store,
    session: first.session,
    signIn: { ...next.signIn, local: first.signIn.local },
    log: { ...next.log, level: first.log.level },
  };
}

/** Settings that stay as the gateway was started with (see `keepFixed`); a reload that differs from them is told so. */
export function fixedAtStart({
  server,
  admin,
  store,
  session,
  signIn,
  identity,
  log,
}: Config): Readonly<Record<string, unknown>> {
  return {
    'server.listen': server.listen,
    'server.tls': server.tls,
    'server.limits': server.limits,
    'server.redirectHttp': server.redirectHttp,
    'server.proxyProtocol': server.proxyProtocol,
    'server.workers': server.workers,
    // Cookies are named and marked by it; another host under the same scheme is taken on.
    'server.publicUrl': server.publicUrl.startsWith('https:'),
    admin,
    store,
    session,
    'signIn.local': signIn.local,
    'identity.rotateKeysAfter': identity.rotateKeysAfter,
    'log.level': log.level,
  };
}
