import type { EventEmitter } from 'node:events';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type AdapterPayload, type Configuration } from 'oidc-provider';
import { sendTo } from './visitor.ts';

/** Claims of one person at the provider; `sub` is the account. */
export type Account = Readonly<Record<string, unknown>> & { readonly sub: string };

export interface TestProvider {
  readonly port: number;
  readonly issuer: string;
  /** Accounts by `sub`; write to it to change what the provider says from now on. */
  readonly accounts: Map<string, Account>;
  /** Who signs in at the next interaction. */
  signsIn: string;
  /** Where the gateway listens, so that back-channel calls to its public address reach it. */
  gatewayPort: number;
  /** Requests that arrived, `GET /jwks`, in order. */
  readonly requests: string[];
  /** From now on it signs with a new key, under a new id. */
  readonly rotateKeys: () => void;
  /** Hears an event of the provider, by its documented name. */
  readonly on: (event: string, listener: (context: never) => void) => void;
  /** Answers instead of the provider while it says so. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null;
  readonly stop: () => Promise<void>;
}

export interface TestProviderOptions {
  readonly publicUrl: string;
  /** Id of the method at the gateway. */
  readonly id: string;
  readonly ttlSeconds?: { readonly accessToken?: number; readonly refreshToken?: number };
  readonly more?: Configuration;
  readonly client?: Readonly<Record<string, unknown>>;
}

/** What the provider keeps: its own default says at every start that it is not for production. */
function createMemory(): NonNullable<Configuration['adapter']> {
  const records = new Map<string, AdapterPayload>();
  const grants = new Map<string, string[]>();
  return (model) => {
    const find = (id: string) => Promise.resolve(records.get(`${model}:${id}`));
    const findBy = (key: 'uid' | 'userCode', value: string) =>
      Promise.resolve(
        [...records].find(([name, payload]) => name.startsWith(`${model}:`) && payload[key] === value)?.[1],
      );
    return {
      upsert: async (id, payload) => {
        records.set(`${model}:${id}`, payload);
        const { grantId } = payload;
        if (grantId !== undefined) grants.set(grantId, [...(grants.get(grantId) ?? []), `${model}:${id}`]);
      },
      find,
      findByUid: (uid) => findBy('uid', uid),
      findByUserCode: (code) => findBy('userCode', code),
      consume: async (id) => {
        const payload = await find(id);
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1_000);
      },
      destroy: async (id) => void records.delete(`${model}:${id}`),
      revokeByGrantId: async (grantId) => {
        for (const name of grants.get(grantId) ?? []) records.delete(name);
      },
    };
  };
}

/** A real OpenID provider (oidc-provider) over HTTP on loopback, whose people sign in without a form. */
export async function startTestProvider(options: TestProviderOptions): Promise<TestProvider> {
  const { publicUrl, id } = options;
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
  let provider: Provider | null = null;
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
    if (self.intercept?.(request, response) === true) return;
    if (/^\/interaction\//.test(request.url ?? '')) void interact(request, response);
    else handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer = `http://127.0.0.1:${String(port)}`;
  let generation = 0;
  // Outlives new keys.
  const memory = createMemory();

  const build = (): void => {
    generation += 1;
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    provider = new Provider(issuer, configure(privateKey, `key-${String(generation)}`));
    const callback = provider.callback();
    handle = (request, response) => void callback(request, response);
  };
  const configure = (key: KeyObject, kid: string): Configuration => ({
    clients: [
      {
        client_id: 'gateway',
        client_secret: 'a-secret-between-the-two-of-us',
        redirect_uris: [`${publicUrl}/_auth/callback/${id}`],
        post_logout_redirect_uris: [`${publicUrl}/_auth/signed-out`],
        backchannel_logout_uri: `${publicUrl}/_auth/backchannel-logout/${id}`,
        backchannel_logout_session_required: true,
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        ...options.client,
      },
    ],
    jwks: { keys: [{ ...key.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }] },
    adapter: memory,
    cookies: { keys: ['a-key-for-cookies-of-a-test'] },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups', 'realm_access'],
    },
    scopes: ['openid', 'profile', 'email', 'groups', 'offline_access'],
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        // No question asked: the form that it makes is sent on by the test.
        logoutSource: (context, form) => {
          context.body = form;
        },
      },
      userinfo: { enabled: true },
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, sub) => {
      const account = self.accounts.get(sub);
      return account === undefined ? undefined : { accountId: sub, claims: () => ({ ...account }) };
    },
    loadExistingGrant: async (context) => {
      const { client, session, provider: current } = context.oidc;
      if (client === undefined || session?.accountId === undefined) return undefined;
      const grant = new current.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope('openid profile email groups offline_access');
      await grant.save();
      return grant;
    },
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: options.ttlSeconds?.accessToken ?? 3_600,
      RefreshToken: options.ttlSeconds?.refreshToken ?? 86_400,
      IdToken: 86_400,
      Grant: 86_400,
      Session: 86_400,
      Interaction: 600,
    },
    pkce: { required: () => true },
    renderError: (context, out) => {
      context.body = JSON.stringify(out);
    },
    // The guard against loopback addresses has no place here.
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      const sent = init?.body;
      const body = sent instanceof URLSearchParams ? sent.toString() : typeof sent === 'string' ? sent : '';
      const reply = await sendTo(self.gatewayPort, url.pathname, {
        method: init?.method ?? 'GET',
        host: url.host,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body,
      });
      return new Response(reply.text === '' ? null : reply.text, { status: reply.status });
    },
    ...options.more,
  });

  const interact = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (provider === null) return;
    const { prompt } = await provider.interactionDetails(request, response);
    const result =
      prompt.name === 'login'
        ? { login: { accountId: self.signsIn, amr: ['pwd'], remember: true } }
        : { error: 'access_denied', error_description: 'consent is not asked for' };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  };

  const self: TestProvider = {
    port,
    issuer,
    accounts: new Map(),
    signsIn: '',
    gatewayPort: 0,
    requests,
    rotateKeys: build,
    on: (event, listener) => {
      (provider as EventEmitter | null)?.on(event, listener as (...args: unknown[]) => void);
    },
    intercept: null,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  build();
  return self;
}
