import { type ExecutionContext } from 'ava';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';
import { createOidcBrowser, type OidcBrowser } from '../../support/oidc-browser.ts';
import { startTestProvider, type TestProvider, type TestProviderOptions } from '../../support/openid-provider.ts';
import { startUpstream, type Upstream } from '../../support/upstream.ts';
import { usersFile } from '../../support/users.ts';

export const publicUrl = 'https://app.test';

export interface World {
  readonly provider: TestProvider;
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  readonly browser: () => OidcBrowser;
  /** Moves the gateway's clock. */
  readonly advance: (ms: number) => void;
  /** The gateway's clock. */
  readonly now: () => number;
  readonly config: Record<string, unknown>;
  /** The last request that arrived at the app, by header name. */
  readonly lastAtApp: () => Readonly<Record<string, string>>;
}

export interface WorldOptions {
  /** Of the provider's entry in `signIn.oidc`. */
  readonly oidc?: Readonly<Record<string, unknown>>;
  readonly signIn?: Readonly<Record<string, unknown>>;
  readonly routes?: readonly object[];
  readonly more?: Readonly<Record<string, unknown>>;
  readonly provider?: Partial<TestProviderOptions>;
}

export const zoe = {
  sub: 'acct-zoe',
  preferred_username: 'Zora',
  name: 'Zoë Z.',
  email: 'ZOE@example.test',
  email_verified: true,
  groups: ['staff', 'editors'],
} as const;

/** A real provider, a gateway that knows it as `corp`, and an app behind. */
export async function startWorld(t: ExecutionContext, options: WorldOptions = {}): Promise<World> {
  const provider = await startTestProvider({ publicUrl, id: 'corp', ...options.provider });
  t.teardown(provider.stop);
  provider.accounts.set(zoe.sub, zoe);
  provider.signsIn = zoe.sub;
  const upstream = await startUpstream();
  t.teardown(upstream.stop);
  let offset = 0;
  const config = {
    server: { publicUrl },
    signIn: {
      oidc: [
        {
          id: 'corp',
          name: 'Corp SSO',
          issuer: provider.issuer,
          clientId: 'gateway',
          clientSecret: 'a-secret-between-the-two-of-us',
          scopes: ['openid', 'profile', 'email', 'groups'],
          ...options.oidc,
        },
      ],
      ...options.signIn,
    },
    routes: options.routes ?? [{ id: 'app', host: 'app.test', path: '/', upstream: upstream.origin }],
    ...options.more,
  };
  const now = () => Date.now() + offset;
  const gateway = await startTestGateway({ config, users: usersFile(), now });
  t.teardown(gateway.stop);
  provider.gatewayPort = gateway.port;
  return {
    provider,
    gateway,
    upstream,
    now,
    config,
    browser: () => createOidcBrowser({ gatewayPort: gateway.port, publicUrl }),
    advance: (ms) => {
      offset += ms;
    },
    lastAtApp: () => {
      const headers: Record<string, string> = {};
      for (const [name, value] of upstream.requests.at(-1)?.headers ?? []) headers[name.toLowerCase()] = value;
      return headers;
    },
  };
}
