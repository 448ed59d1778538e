import { createAuthenticator } from '../authentication/authenticator.ts';
import { createBasicAuthenticator } from '../authentication/basic.ts';
import { createAccessTokenAuthenticator } from '../authentication/access-token.ts';
import { createBearerAuthenticator } from '../authentication/bearer-jwt.ts';
import { createOwnCredentials } from '../authentication/own-credentials.ts';
import { createSessionCookieAuthenticator } from '../authentication/session-cookie.ts';
import { createSessionRenewal } from '../authentication/session-renewal.ts';
import { trustedHeaderNames } from '../authentication/trusted-header/config.ts';
import { createGate, type Gate } from '../gate.ts';
import { createAssertionWriter } from '../identity/assertion.ts';
import { compileBasicAuth, compileHeaderSet } from '../identity/header-sets.ts';
import { createReservedHeaders } from '../identity/headers.ts';
import { createRequestLog } from '../observability/access-log.ts';
import { compilePolicy } from '../policy/policy.ts';
import { createRequestReader } from '../request/read.ts';
import { readPageFiles } from '../response/pages/assets.ts';
import { createPages } from '../response/pages/pages.ts';
import { createRefuser } from '../response/refusal.ts';
import { compileRoutes } from '../route/compile.ts';
import { createRouteTable } from '../route/table.ts';
import type { AccountBindings } from '../sign-in/account-binding.ts';
import { createSignInFinish } from '../sign-in/finish.ts';
import { createFollower, handOverId, newSignInHandle } from '../sign-in/handed-over.ts';
import type { PasswordMethod } from '../sign-in/method.ts';
import { createPasswordSignIn } from '../sign-in/sign-in.ts';
import { createThrottle } from '../sign-in/throttle.ts';
import type { Runtime } from '../runtime.ts';
import { createForwarder } from '../upstream/forward.ts';
import { readSecureOptions } from '../upstream/secure.ts';
import { createStickiness } from '../upstream/sticky.ts';
import { createUpgrader } from '../upstream/upgrade.ts';
import { createAmbientSignIn } from './ambient-sign-in.ts';
import { createApp } from './app.ts';
import { createConnectionHandlers } from './connections.ts';
import { countExchanges } from './count-exchanges.ts';
import type { Foundation } from './foundation.ts';
import { strictTransport } from './hsts.ts';
import type { ListenHandlers } from './listen.ts';
import { createOwnPages } from './own-pages.ts';
import { createOwnPaths } from './own-paths.ts';
import { watchProviders } from './provider-watch.ts';
import { createProxyDoor } from './proxy-door.ts';
import { createRedirectHandlers } from './redirect.ts';
import type { ServerSettings } from './settings.ts';
import { createSignInMethods } from './sign-in-methods.ts';
import { sweepTokenOwners } from './token-sweep.ts';
import { createUpgradeDoor } from './upgrade-door.ts';

/** Everything that one configuration says about requests; a reload makes a new one. */
export interface Front extends ListenHandlers {
  readonly gate: Gate;
  /** For the listener that leads to https. */
  readonly redirect: ListenHandlers;
  /** Requests come by this front from now on: its health checks take the place of those of the one before. */
  readonly takeOver: () => void;
  /** Waits for the requests that came by this front, however long they run, then closes the connections to upstreams. */
  readonly retire: () => Promise<void>;
}

/** Joins the rooms for one configuration. Throws `config-invalid` when a file that it names can't be read. */
export function createFront(config: ServerSettings, foundation: Foundation, runtime: Runtime): Front {
  const { server, identity, signIn } = config;
  const { sessions, directory, cookie, connections, traffic, audit, metrics, keys } = foundation;
  const { log, now } = runtime;
  const publicUrl = server.publicUrl;
  const hsts = strictTransport(server);

  const routes = createRouteTable(
    compileRoutes(config.routes, {
      policyOf: (route) => compilePolicy(route.access),
      headersOf: (route) => compileHeaderSet(route.identity.headers ?? identity.headers, log),
      basicAuthOf: ({ identity: { basicAuth } }) => (basicAuth === undefined ? null : compileBasicAuth(basicAuth)),
      assertionOf: (route) => {
        const assertion = route.identity.assertion ?? identity.assertion;
        if (assertion === false) return null;
        return createAssertionWriter({ config: assertion, issuer: publicUrl, routeId: route.id, keys, runtime });
      },
    }),
  );
  const read = createRequestReader({
    trustedProxies: server.trustedProxies,
    publicUrl,
    sessionCookieName: cookie.name,
    nextRequestId: createRequestIds(runtime.randomBytes),
    now,
    limits: server.limits,
    ...(foundation.tls === null ? {} : { tlsOf: foundation.tls.connections.of }),
  });
  const { failures, within, lockFor } = signIn.throttle;
  const throttle = createThrottle({
    counters: foundation.store.counters,
    config: { failures, withinMs: within, lockForMs: lockFor },
    runtime,
  });
  const methods = createSignInMethods(config, { ...foundation, throttle }, runtime);
  const { password } = methods;
  const finish = createSignInFinish({
    sessions,
    bindings: foundation.bindings,
    siteOf: cookie.siteOf,
    rememberAllowed: config.session.rememberFor > 0,
    newSignInHandle: methods.redirects.length === 0 ? null : () => newSignInHandle(runtime.randomBytes),
    audit,
  });
  const renewers = new Map(methods.renewers);
  const renewal = createSessionRenewal({
    renewers,
    sessions,
    store: foundation.store,
    runtime,
    unreachableForMs: signIn.providerOutage,
  });
  renewers.set(handOverId, createFollower({ sessions, renew: renewal.renew, now }));
  const authenticateSession = createSessionCookieAuthenticator({
    sessions,
    directory,
    siteOf: cookie.siteOf,
    renewal,
    runtime,
  });
  const ambient = createAmbientSignIn(signIn, foundation, runtime);
  const issuers = foundation.issuers.use(config.bearer);
  for (const { keys: issuerKeys } of issuers) issuerKeys.warm();
  // A credential in the request itself wins over the cookie, which browsers send along unasked.
  const authenticate = createAuthenticator([
    ...ambient.header,
    ...(config.accessTokens.enabled
      ? [createAccessTokenAuthenticator({ tokens: foundation.accessTokens, directory, throttle, runtime })]
      : []),
    createBearerAuthenticator({ issuers, owns: foundation.bindings.claim, directory, runtime }),
    ...(password === null
      ? []
      : [
          createBasicAuthenticator({
            verify: verifyOwned(password, foundation.bindings),
            throttle,
            directory,
            runtime,
          }),
        ]),
    ...ambient.certificate,
    authenticateSession,
  ]);
  const gate = createGate({ routes, authenticate, now });
  const unwatch =
    methods.renewers.size === 0 ? () => undefined : watchProviders({ traffic, sessions, renewal, gate, runtime });
  const stopSweep = sweepTokenOwners({
    askers: methods.askers,
    tokens: foundation.accessTokens,
    store: foundation.store,
    log,
  });
  const pages = createPages({
    theme: config.theme,
    authPath: server.authPath,
    publicUrl,
    hsts,
    files: readPageFiles(config.theme),
  });
  const refuse = createRefuser({
    pages,
    publicUrl,
    hsts,
    authPath: server.authPath,
    cookieDomain: config.session.cookie.domain,
    clearCookies: [cookie.expire()],
    accessTokens: config.accessTokens.enabled,
  });
  const reserved = createReservedHeaders([
    ...routes.routes.map(({ headers }) => headers),
    ...(signIn.trustedHeader === undefined ? [] : [{ names: trustedHeaderNames(signIn.trustedHeader) }]),
  ]);
  const isOwnCredential = createOwnCredentials(config.bearer.map(({ issuer }) => issuer));
  // Before anything is taken over: what can't be read refuses the whole configuration.
  const secureOf = readSecureOptions(config.routes.flatMap(({ upstream }) => upstream ?? []));
  const upstreams = foundation.upstreams.plan(routes.routes, secureOf);
  const carrying = {
    isOwnCookie: cookie.isOurs,
    hsts: foundation.tls === null ? null : hsts,
    isOwnCredential,
    reserved,
    secureOf,
    groupOf: upstreams.groupOf,
    stickiness: createStickiness({ cookie: cookie.sticky, randomBytes: runtime.randomBytes }),
    now,
  };
  const forwarder = createForwarder(carrying);
  const upgrader = createUpgrader(carrying);
  const requestLog = createRequestLog({ log, metrics, enabled: config.log.access, now });
  const isOurs = createOwnPaths(server.authPath);
  const shared = { gate, refuse, connections, traffic, audit, log };
  const { door: proxy, idle } = countExchanges(createProxyDoor({ ...shared, forwarder }));
  const upgradeDoor = createUpgradeDoor({ ...shared, upgrader });
  const ownPages = createOwnPages({
    config,
    foundation,
    runtime,
    pages,
    routes,
    gate,
    methods,
    finish,
    passwordSignIn: password === null ? null : createPasswordSignIn({ method: password, throttle, finish, audit }),
    authenticateSession,
    authenticatePerson: createAuthenticator([...ambient.header, ...ambient.certificate, authenticateSession]),
  });
  const app = createApp({ read, isOurs, pages: ownPages, proxy, refuse, requestLog, log, now });
  const handlers = createConnectionHandlers({ app, upgradeDoor, read, isOurs, refuse, requestLog, now });
  return {
    gate,
    ...handlers,
    redirect: createRedirectHandlers({ ...handlers, app, read, refuse, requestLog, server, routes, now }),
    takeOver: upstreams.takeOver,
    retire: async () => {
      unwatch();
      stopSweep();
      // A closed agent refuses work: who waits for the store or a password comes to it later still.
      await idle();
      methods.retire();
      await forwarder.close();
    },
  };
}

/** A password opens nothing under a user name that is somebody else's. */
function verifyOwned(method: PasswordMethod, { claim }: AccountBindings): PasswordMethod['verify'] {
  return async (user, password) => {
    const verdict = await method.verify(user, password);
    if (verdict.kind !== 'verified' || (await claim(verdict.identity))) return verdict;
    return { kind: 'refused', reason: 'name-taken' };
  };
}

/** Request ids: unguessable start, then a count; unique across processes and restarts. */
function createRequestIds(randomBytes: Runtime['randomBytes']): () => string {
  const start = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${start}-${(count += 1).toString(36)}`;
}
