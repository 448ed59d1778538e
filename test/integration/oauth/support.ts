import type { ExecutionContext } from 'ava';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { startOAuthStub, type OAuthStub } from '../../support/oauth-stub.ts';
import { createOidcBrowser, type OidcBrowser } from '../../support/oidc-browser.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { usersFile } from '../../support/users.ts';

export const publicUrl = 'https://app.test';

export const octocat = {
  user: { id: 583231, login: 'Octocat', name: 'The Octocat', email: 'public@elsewhere.test' },
  emails: [
    { email: 'other@example.test', primary: false, verified: true },
    { email: 'Octo@Example.test', primary: true, verified: true },
  ],
  orgs: [{ login: 'Acme', id: 1 }],
  teams: [{ slug: 'editors', organization: { login: 'Acme' } }],
} as const;

export interface World {
  readonly stub: OAuthStub;
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  readonly browser: () => OidcBrowser;
  /** Moves the gateway's clock. */
  readonly advance: (ms: number) => void;
  /** Signs a fresh browser in by the button of a provider; the page where that ends. */
  readonly enter: (
    id?: string,
  ) => Promise<{ readonly browser: OidcBrowser; readonly status: number; readonly text: string }>;
  /** The last request that arrived at the app, by header name. */
  readonly lastAtApp: () => Readonly<Record<string, string>>;
  /** Reasons of the audit log's failed sign-ins and ended sessions. */
  readonly reasons: () => readonly string[];
}

/** A stub provider, a gateway that knows it, and an app behind. */
export async function startWorld(
  t: ExecutionContext,
  signIn: (stub: OAuthStub) => Readonly<Record<string, unknown>>,
  more: { readonly routes?: readonly object[] } = {},
): Promise<World> {
  const stub = await startOAuthStub();
  t.teardown(stub.stop);
  stub.person = octocat;
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  let offset = 0;
  const gateway = await startTestGateway({
    config: {
      server: { publicUrl },
      signIn: signIn(stub),
      routes: (more.routes ?? [{ id: 'app', host: 'app.test', path: '/' }]).map((route) => ({
        upstream: upstream.origin,
        ...route,
      })),
    },
    users: usersFile(),
    now: () => Date.now() + offset,
  });
  t.teardown(gateway.stop);
  const browser = () => createOidcBrowser({ gatewayPort: gateway.port, publicUrl });
  return {
    stub,
    gateway,
    upstream,
    browser,
    advance: (ms) => {
      offset += ms;
    },
    enter: async (id = 'github') => {
      const fresh = browser();
      const { reply } = await fresh.open(`/_auth/sign-in/${id}?return_to=/page`);
      return { browser: fresh, status: reply.status, text: reply.text };
    },
    lastAtApp: () =>
      Object.fromEntries(upstream.requests.at(-1)?.headers.map(([name, value]) => [name.toLowerCase(), value]) ?? []),
    reasons: () =>
      gateway
        .logs()
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
        .filter(
          ({ event, detail }) => event === 'sign-in.failed' || (event === 'session.ended' && detail !== undefined),
        )
        .map(({ reason, detail }) => String(detail ?? reason)),
  };
}

export const githubAt = (stub: OAuthStub, more: object = {}) => ({
  github: { url: stub.origin, clientId: stub.clientId, clientSecret: stub.clientSecret, ...more },
});

export const forgeAt = (stub: OAuthStub, more: object = {}) => ({
  oauth2: [
    {
      id: 'forge',
      name: 'Forge',
      authorizationUrl: `${stub.origin}/login/oauth/authorize?tenant=1`,
      tokenUrl: `${stub.origin}/login/oauth/access_token`,
      userInfoUrl: `${stub.origin}/userinfo`,
      clientId: stub.clientId,
      clientSecret: stub.clientSecret,
      scopes: ['identity'],
      subjectClaim: 'data.id',
      userClaim: 'data.login',
      nameClaim: 'data.name',
      ...more,
    },
  ],
});
