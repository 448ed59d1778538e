import test from 'ava';
import { startGround } from '../support/attack-runner.ts';
import { startTestProvider } from '../support/openid-provider.ts';
import { valuesOf } from '../support/raw.ts';
import { sendTo } from '../support/visitor.ts';

// A service with an account at a real OpenID provider (oidc-provider): client credentials, JWT access tokens (RFC 9068).
const audience = 'https://apps.example.test';

async function setUp(t: { readonly teardown: (end: () => Promise<void>) => void }) {
  let nowMs = Date.now();
  const provider = await startTestProvider({
    publicUrl: 'https://app.test',
    id: 'corp',
    client: {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
      backchannel_logout_uri: undefined,
      backchannel_logout_session_required: undefined,
      post_logout_redirect_uris: [],
    },
    more: {
      ttl: { ClientCredentials: 600 },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        resourceIndicators: {
          enabled: true,
          getResourceServerInfo: (_, resource) => ({
            scope: 'api',
            audience: resource,
            accessTokenFormat: 'jwt',
            accessTokenTTL: 600,
            jwt: { sign: { alg: 'RS256' } },
          }),
        },
      },
    },
  });
  t.teardown(provider.stop);
  const upstream = '{UP}';
  const ground = await startGround(
    {
      server: { publicUrl: 'https://app.test' },
      bearer: [{ issuer: provider.issuer, audience, typ: 'at+jwt', userPrefix: 'svc:' }],
      routes: [
        { id: 'api', host: 'app.test', path: '/', upstream, access: [{ allow: { claims: { scope: ['api'] } } }] },
      ],
    },
    { now: () => nowMs },
  );
  t.teardown(ground.stop);
  const tokenFor = async (resource: string): Promise<string> => {
    const body = new URLSearchParams({ grant_type: 'client_credentials', resource, scope: 'api' }).toString();
    const basic = Buffer.from('gateway:a-secret-between-the-two-of-us').toString('base64');
    const reply = await sendTo(provider.port, '/token', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: `Basic ${basic}` },
    });
    const { access_token: token } = JSON.parse(reply.text) as { readonly access_token?: string };
    if (token === undefined) throw new Error(reply.text);
    return token;
  };
  const ask = (token: string) =>
    sendTo(ground.gateway.port, '/x', { host: 'app.test', headers: { authorization: `Bearer ${token}` } });
  const pass = (ms: number): void => {
    nowMs += ms;
  };
  return { provider, ground, tokenFor, ask, pass };
}

test('a service signs in with the token that its provider gave it for us, and for nobody else', async (t) => {
  const { ground, tokenFor, ask } = await setUp(t);
  const mark = ground.upstream.mark();
  t.is((await ask(await tokenFor(audience))).status, 200);
  t.deepEqual(valuesOf(mark.requests()[0]!, 'remote-user'), ['svc:gateway']);
  t.is((await ask(await tokenFor('https://other.example.test'))).status, 401);
});

test('the provider’s new key is found, and the one that it withdrew is forgotten', async (t) => {
  const { provider, tokenFor, ask, pass } = await setUp(t);
  const old = await tokenFor(audience);
  t.is((await ask(old)).status, 200);
  provider.rotateKeys();
  const fresh = await tokenFor(audience);
  t.is((await ask(fresh)).status, 401, 'it was asked for its keys a moment ago');
  pass(30_000);
  t.is((await ask(fresh)).status, 200);
  t.is((await ask(old)).status, 401);
});
