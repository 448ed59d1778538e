import type { AccessTokenStore } from '../access-token/access-token.ts';
import { createAccessTokenStore } from '../access-token/store.ts';
import { createIssuerPool, type IssuerPool } from '../authentication/issuer-pool.ts';
import { createSessionCookie, type SessionCookie } from '../session/cookie.ts';
import { createLiveConnections } from '../session/live-connections.ts';
import type { LiveConnections, SessionStore } from '../session/session.ts';
import { createSessionStore } from '../session/store.ts';
import { openStore } from '../store/open.ts';
import { loadStoreSecret } from '../store/secret.ts';
import type { Store } from '../store/store.ts';
import type { Runtime } from '../runtime.ts';
import { createUserDirectory } from '../users/directory.ts';
import { createPasswordHasher, type PasswordHasher } from '../users/password-hasher.ts';
import { describeFault } from '../faults.ts';
import { GatewayError } from '../errors.ts';
import type { UserDirectory } from '../users/user-directory.ts';
import { createAudit, type Audit } from '../observability/audit.ts';
import { createMetrics, type Metrics } from '../observability/metrics.ts';
import type { IdentityConfig } from '../identity/config.ts';
import { createAssertionKeys, type AssertionKeys } from '../identity/keys.ts';
import { tellTokens } from './token-owners.ts';
import { createKeyStorage } from './key-storage.ts';
import { createUpstreamStates, type UpstreamStates } from '../upstream/upstream-states.ts';
import { loadCertificates } from './tls/certificates.ts';
import { createTlsConnections, type TlsSettings } from './tls/door.ts';
import { createLiveTraffic, type LiveTraffic } from './live-traffic.ts';
import type { ServerConfig } from './config.ts';
import type { SessionConfig } from '../session/config.ts';
import { createAccountBindings, type AccountBindings } from '../sign-in/account-binding.ts';
import type { SignInConfig } from '../sign-in/config.ts';
import { createTransactions, type Transactions } from '../sign-in/transaction.ts';
import type { StoreConfig } from '../store/config.ts';

/** What outlives a reload of the configuration: state, and what watches over it. */
export interface Foundation {
  readonly store: Store;
  readonly secret: Buffer;
  readonly cookie: SessionCookie;
  readonly sessions: SessionStore;
  readonly directory: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly connections: LiveConnections;
  readonly traffic: LiveTraffic;
  readonly metrics: Metrics;
  /** Health of the targets of upstreams. */
  readonly upstreams: UpstreamStates;
  readonly audit: Audit;
  /** Null where the gateway speaks no TLS. */
  readonly tls: TlsSettings | null;
  /** What signs assertions. */
  readonly keys: AssertionKeys;
  /** Who owns which user name. */
  readonly bindings: AccountBindings;
  /** Sign-ins at providers that are under way. */
  readonly transactions: Transactions;
  /** Personal access tokens. */
  readonly accessTokens: AccessTokenStore;
  /** Keys of the issuers whose JWTs are accepted. */
  readonly issuers: IssuerPool;
  readonly close: () => Promise<void>;
}

export interface FoundationConfig {
  readonly server: ServerConfig & { readonly publicUrl: string };
  readonly store: StoreConfig;
  readonly session: SessionConfig;
  readonly signIn: SignInConfig;
  readonly identity: IdentityConfig;
}

export async function layFoundation(config: FoundationConfig, runtime: Runtime): Promise<Foundation> {
  const tls = prepareTls(config.server.tls, runtime);
  const secret = await loadStoreSecret({ config: config.store, storeUrl: config.store.url, runtime });
  const store = await openStore({ url: config.store.url, secret, runtime });
  const audit = createAudit(runtime.log);
  const metrics = createMetrics();
  const { idleTimeout, lifetime, rememberFor } = config.session;
  const accessTokens = createAccessTokenStore({ store, secret, runtime });
  const sessions = tellTokens(
    createSessionStore({
      store,
      secret,
      config: { idleTimeoutMs: idleTimeout, lifetimeMs: lifetime, rememberForMs: rememberFor },
      runtime,
    }),
    accessTokens,
    runtime.log,
  );
  const directory = createUserDirectory({
    file: config.signIn.local?.users ?? null,
    runtime,
    store,
  });
  const [fault] = await directory.reload();
  if (fault !== undefined) {
    await store.close();
    throw new GatewayError('users-file-invalid', describeFault(fault));
  }
  const connections = createLiveConnections({ sessions, runtime });
  metrics.watchLiveConnections(connections.size);
  const upstreams = createUpstreamStates(runtime);
  metrics.watchUpstreams(upstreams.figures);
  return {
    store,
    secret,
    cookie: createSessionCookie({ publicUrl: config.server.publicUrl, cookie: config.session.cookie }),
    sessions,
    directory,
    hasher: createPasswordHasher({ runtime }),
    connections,
    traffic: createLiveTraffic(runtime),
    metrics,
    upstreams,
    audit,
    tls,
    keys: createAssertionKeys({
      storage: createKeyStorage(store, secret, runtime.randomBytes),
      now: runtime.now,
      rotateAfterMs: config.identity.rotateKeysAfter,
      log: runtime.log,
    }),
    bindings: createAccountBindings({ store, secret, directory, runtime }),
    transactions: createTransactions({ store, secret, runtime }),
    accessTokens,
    issuers: createIssuerPool(runtime),
    close: async () => {
      connections.stop();
      upstreams.stop();
      await store.close();
    },
  };
}

function prepareTls(config: ServerConfig['tls'], runtime: Runtime): TlsSettings | null {
  if (config === undefined) return null;
  return { config, certificates: loadCertificates(config, runtime), connections: createTlsConnections() };
}
