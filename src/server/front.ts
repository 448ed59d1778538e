import { createAuthenticator } from '../authentication/authenticator.ts';
import { createBasicAuthenticator } from '../authentication/basic.ts';
import { createSessionCookieAuthenticator } from '../authentication/session-cookie.ts';
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
import { createLocalMethod } from '../sign-in/methods/local.ts';
import { createPasswordSignIn } from '../sign-in/sign-in.ts';
import { createThrottle } from '../sign-in/throttle.ts';
import type { Runtime } from '../runtime.ts';
import { createForwarder } from '../upstream/forward.ts';
import { createUpgrader } from '../upstream/upgrade.ts';
import { createApp } from './app.ts';
import { createConnectionHandlers } from './connections.ts';
import { countExchanges } from './count-exchanges.ts';
import type { Foundation } from './foundation.ts';
import type { ListenHandlers } from './listen.ts';
import { createOwnPages } from './own-pages.ts';
import { createOwnPaths } from './own-paths.ts';
import { createProxyDoor } from './proxy-door.ts';
import type { ServerSettings } from './settings.ts';
import { createUpgradeDoor } from './upgrade-door.ts';

/** Everything that one configuration says about requests; a reload makes a new one. */
export interface Front extends ListenHandlers {
  readonly gate: Gate;
  /** Waits for the requests that came by this front, however long they run, then closes the connections to upstreams. */
  readonly retire: () => Promise<void>;
}

/** Joins the rooms for one configuration. Throws `config-invalid` when a file that it names can't be read. */
export function createFront(config: ServerSettings, foundation: Foundation, runtime: Runtime): Front {
  const { server, identity, signIn } = config;
  const { sessions, directory, cookie, connections, traffic, audit, metrics, keys } = foundation;
  const { log, now } = runtime;
  const publicUrl = server.publicUrl;

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
  });
  const { failures, within, lockFor } = signIn.throttle;
  const throttle = createThrottle({
    counters: foundation.store.counters,
    config: { failures, withinMs: within, lockForMs: lockFor },
    runtime,
  });
  const method = createLocalMethod({ directory, hasher: foundation.hasher, runtime });
  const passwordSignIn = createPasswordSignIn({
    method,
    throttle,
    sessions,
    siteOf: cookie.siteOf,
    rememberAllowed: config.session.rememberFor > 0,
    audit,
  });
  const authenticateSession = createSessionCookieAuthenticator({ sessions, directory, siteOf: cookie.siteOf, runtime });
  // Basic first: on a route that accepts it, it wins over the cookie.
  const authenticate = createAuthenticator([
    createBasicAuthenticator({ verify: method.verify, throttle, directory, runtime }),
    authenticateSession,
  ]);
  const gate = createGate({ routes, authenticate, now });
  const pages = createPages({
    theme: config.theme,
    authPath: server.authPath,
    publicUrl,
    files: readPageFiles(config.theme),
  });
  const refuse = createRefuser({
    pages,
    publicUrl,
    authPath: server.authPath,
    cookieDomain: config.session.cookie.domain,
    clearCookies: [cookie.expire()],
  });
  const reserved = createReservedHeaders(routes.routes.map(({ headers }) => headers));
  const carrying = { runtime, isOwnCookie: cookie.isOurs, reserved };
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
    passwordSignIn,
    authenticateSession,
  });
  const app = createApp({ read, isOurs, pages: ownPages, proxy, refuse, requestLog, log, now });
  return {
    gate,
    ...createConnectionHandlers({ app, upgradeDoor, read, isOurs, refuse, requestLog, now }),
    retire: async () => {
      // A closed agent refuses work: who waits for the store or a password comes to it later still.
      await idle();
      await forwarder.close();
    },
  };
}

/** Request ids: unguessable start, then a count; unique across processes and restarts. */
function createRequestIds(randomBytes: Runtime['randomBytes']): () => string {
  const start = randomBytes(9).toString('base64url');
  let count = 0;
  return () => `${start}-${(count += 1).toString(36)}`;
}
