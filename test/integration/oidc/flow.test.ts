import test from 'ava';
import { poll } from '../../support/gateway.ts';
import { publicUrl, startWorld, zoe } from './support.ts';

test('one provider alone: straight there and back, with path, query and who it is', async (t) => {
  const { browser, provider, lastAtApp } = await startWorld(t);
  const { url, reply } = await browser().open('/wiki/page?x=1&y=%2F');
  t.is(reply.status, 200, reply.text);
  t.is(url.href, `${publicUrl}/wiki/page?x=1&y=%2F`);
  t.like(lastAtApp(), {
    'remote-user': 'zora',
    'remote-email': 'ZOE@example.test'.toLowerCase(),
    'remote-groups': 'staff,editors',
  });
  t.is(Buffer.from(lastAtApp()['remote-name'] ?? '', 'latin1').toString(), 'Zoë Z.');
  t.true(provider.requests.includes('POST /token'));
});

test('the request carries code, PKCE, state and nonce, and nothing that a visitor put into the address', async (t) => {
  const { browser, provider } = await startWorld(t, {
    oidc: { acrValues: ['urn:gold'], authorizationParameters: { ui_locales: 'de' }, maxAge: '1h' },
  });
  const query = '?scope=x&redirect_uri=https%3A%2F%2Fevil.test&prompt=none&client_id=y&state=planted&nonce=planted';
  const { next } = await browser().open(`/_auth/sign-in/corp${query}`, () => true);
  t.is(next?.origin, provider.issuer);
  const sent = Object.fromEntries(next?.searchParams ?? []);
  t.like(sent, {
    client_id: 'gateway',
    redirect_uri: `${publicUrl}/_auth/callback/corp`,
    response_type: 'code',
    scope: 'openid profile email groups',
    code_challenge_method: 'S256',
    acr_values: 'urn:gold',
    ui_locales: 'de',
    max_age: '3600',
  });
  t.is(sent['prompt'], undefined);
  for (const name of ['state', 'nonce', 'code_challenge']) t.regex(sent[name] ?? '', /^[\w-]{43}$/, name);
  const { next: other } = await browser().open('/_auth/sign-in/corp', () => true);
  for (const name of ['state', 'nonce', 'code_challenge']) t.not(other?.searchParams.get(name), sent[name], name);
});

test('tabs that sign in side by side finish each where it began, with one small cookie for all', async (t) => {
  const { browser } = await startWorld(t);
  const one = browser();
  const ways: URL[] = [];
  for (let tab = 0; tab < 10; tab += 1) {
    const { next } = await one.open(`/tab/${String(tab)}`, (to) => to.origin !== publicUrl);
    if (next !== null) ways.push(next);
  }
  t.is(one.gateway.cookies.size, 1);
  t.true([...one.gateway.cookies].join().length < 120);
  for (const tab of [3, 9, 0]) {
    const { url, reply } = await one.open(ways[tab]?.href ?? '');
    t.is(reply.status, 200);
    t.is(url.pathname, `/tab/${String(tab)}`);
  }
});

test('a callback is good once, in the browser that began, at its own method', async (t) => {
  const { browser, provider, gateway } = await startWorld(t, {
    signIn: { local: {} },
  });
  const one = browser();
  const { next: callback } = await one.open('/_auth/sign-in/corp', (to) => to.pathname === '/_auth/callback/corp');
  t.truthy(callback);
  const address = (callback?.pathname ?? '') + (callback?.search ?? '');
  const stranger = browser();
  await stranger.open('/_auth/sign-in');
  for (const other of [browser(), stranger]) {
    const refused = await other.gateway.navigate(address);
    t.is(refused.status, 400);
    t.is(other.gateway.token(), null);
    t.regex(refused.headers['cache-control'] ?? '', /no-store/);
  }
  const calls = provider.requests.length;
  for (const odd of ['', '?state=x', '?code=x', `${address}&code=again`, `${address}&state=again`]) {
    const path = odd.startsWith('/') ? odd : `/_auth/callback/corp${odd}`;
    t.is((await one.gateway.navigate(path)).status, 400, odd);
  }
  t.is(provider.requests.length, calls, 'nobody asked the provider about them');
  const signedIn = await one.gateway.navigate(address);
  t.is(signedIn.status, 303);
  const token = one.gateway.token();
  t.truthy(token);
  t.is((await one.gateway.navigate(address)).status, 400);
  t.is(one.gateway.token(), token);
  t.is((await one.gateway.navigate('/')).status, 200);
  t.is((await one.gateway.navigate('/_auth/callback/corp', { method: 'POST', body: 'state=x' })).status, 405);
  t.is(gateway.logs().filter((line) => line.includes('"sign-in.succeeded"')).length, 1);
});

test('no token of the provider reaches the browser, the app, or the log', async (t) => {
  const { browser, lastAtApp, gateway, provider } = await startWorld(t);
  const issued: string[] = [];
  provider.on('grant.success', (context: { body?: Record<string, unknown> }) => {
    for (const value of Object.values(context.body ?? {})) if (String(value).length > 40) issued.push(String(value));
  });
  const one = browser();
  const { reply } = await one.open('/');
  t.is(reply.status, 200);
  t.true(issued.length >= 2);
  const seen = [
    JSON.stringify(lastAtApp()),
    JSON.stringify([...one.gateway.cookies]),
    ...one.visited.filter((address) => address.startsWith(publicUrl)),
    ...gateway.logs(),
    (await one.gateway.navigate('/_auth/')).text,
  ].join('\n');
  for (const token of issued) t.false(seen.includes(token));
});

test('hands the access token on where a route says so, and takes a visitor’s own away there', async (t) => {
  const provider = { more: {} };
  const { browser, lastAtApp, gateway, upstream, config, provider: idp } = await startWorld(t, { provider });
  const issued: string[] = [];
  idp.on('grant.success', (context: { body?: { access_token?: string } }) => {
    issued.push(context.body?.access_token ?? '');
  });
  const route = (path: string, accessToken: string, access = 'signed-in') => ({
    id: path.slice(1),
    host: 'app.test',
    path,
    upstream: upstream.origin,
    access,
    identity: { accessToken },
  });
  await gateway.reload({
    ...config,
    routes: [
      route('/header', 'x-forwarded-access-token'),
      route('/bearer', 'authorization'),
      route('/open', 'authorization', 'public'),
      route('/off', 'off'),
    ],
  });
  const one = browser();
  await one.open('/header');
  const forged = { headers: { authorization: 'Bearer forged', 'x-forwarded-access-token': 'forged' } };
  await one.gateway.send('/header', forged);
  t.is(lastAtApp()['x-forwarded-access-token'], issued[0]);
  t.is(lastAtApp()['authorization'], 'Bearer forged', 'the app’s own business');
  await one.gateway.send('/bearer', forged);
  t.is(lastAtApp()['authorization'], `Bearer ${issued[0] ?? ''}`);
  t.is(lastAtApp()['x-forwarded-access-token'], undefined);
  await one.gateway.send('/open', forged);
  t.is(lastAtApp()['authorization'], undefined);
  await one.gateway.send('/off', forged);
  t.is(lastAtApp()['x-forwarded-access-token'], undefined);
});

test('a name that belongs to somebody else is refused with a page that says so, until it is released', async (t) => {
  const { browser, provider, gateway } = await startWorld(t, { signIn: { local: {} } });
  provider.accounts.set('acct-2', { ...zoe, sub: 'acct-2', preferred_username: 'alice' });
  provider.signsIn = 'acct-2';
  const thief = browser();
  const { reply } = await thief.open('/_auth/sign-in/corp');
  t.is(reply.status, 403);
  t.regex(reply.text, /belongs to another account/);
  t.is(thief.gateway.token(), null);
  provider.signsIn = zoe.sub;
  provider.accounts.set(zoe.sub, { ...zoe, preferred_username: 'yuna' });
  const owner = browser();
  await owner.open('/_auth/sign-in/corp?return_to=%2F');
  t.truthy(owner.gateway.token());
  provider.accounts.set('acct-3', { ...zoe, sub: 'acct-3', preferred_username: 'yuna' });
  provider.signsIn = 'acct-3';
  const second = browser();
  t.is((await second.open('/_auth/sign-in/corp')).reply.status, 403, 'same e-mail, same name, other person');
  const released = await fetch(`http://127.0.0.1:${String(gateway.adminPort)}/names?user=yuna`, { method: 'DELETE' });
  t.deepEqual(await released.json(), { released: true });
  t.is((await owner.gateway.navigate('/', {})).status, 302, 'the old owner’s session has ended');
  t.is((await browser().open('/_auth/sign-in/corp?return_to=%2F')).reply.status, 200);
  t.true(gateway.logs().some((line) => line.includes('sign-in.name-taken') && line.includes('alice')));
});

test('after signing out the browser is asked before it goes back to the provider', async (t) => {
  const { browser } = await startWorld(t, { oidc: { signOut: false } });
  const one = browser();
  await one.open('/');
  const { reply } = await one.open('/_auth/sign-out?return_to=%2F');
  t.is(reply.status, 200);
  t.is(one.gateway.token(), null);
  t.regex(reply.text, /Sign out\?|Sign in with Corp SSO|signed out/);
  const again = await one.open('/');
  t.is(again.url.pathname, '/_auth/sign-in');
  t.regex(again.reply.text, /Sign in with Corp SSO/);
  t.is((await one.open('/_auth/sign-in/corp?return_to=%2F')).reply.status, 200);
});

test('a route that wants a recent sign-in leads to the provider anew, and believes only a new one', async (t) => {
  const { browser, advance, provider } = await startWorld(t, {
    routes: [
      { id: 'app', host: 'app.test', path: '/', upstream: 'http://127.0.0.1:9' },
      {
        id: 'safe',
        host: 'app.test',
        path: '/safe',
        upstream: 'http://127.0.0.1:9',
        access: [{ allow: 'signed-in', require: { signedInWithin: '10m' } }],
      },
    ],
  });
  const one = browser();
  await one.open('/');
  advance(11 * 60_000);
  const page = await one.open('/safe');
  t.is(page.url.pathname, '/_auth/sign-in');
  const link = /href="([^"]*\/_auth\/sign-in\/corp[^"]*)"/.exec(page.reply.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.regex(link, /again=1/);
  const { next } = await one.open(link, (to) => to.origin === provider.issuer);
  t.is(next?.searchParams.get('prompt'), 'login');
  t.is(next?.searchParams.get('max_age'), '0');
});

test('two providers and the local form stand side by side, and each calls people its own way', async (t) => {
  const { browser, lastAtApp, gateway, config } = await startWorld(t, { signIn: { local: {} } });
  const [corp] = (config['signIn'] as { oidc: Record<string, unknown>[] }).oidc;
  await gateway.reload({
    ...config,
    signIn: {
      local: {},
      oidc: [corp, { ...corp, id: 'other', name: 'Other', issuer: 'http://127.0.0.1:1', userPrefix: 'other-' }],
    },
  });
  await poll(() => gateway.logs().some((line) => line.includes('provider.discovery-failed')));
  const one = browser();
  const { reply } = await one.open('/_auth/sign-in?return_to=%2Fx%3Fy');
  t.regex(reply.text, /Sign in with Corp SSO/);
  t.regex(reply.text, /Other is not answering/);
  t.notRegex(reply.text, /Corp SSO is not answering/);
  t.regex(reply.text, /name="password"/);
  t.regex(reply.text, /\/_auth\/sign-in\/other\?return_to=%2Fx%3Fy/);
  const down = await one.open('/_auth/sign-in/other');
  t.is(down.reply.status, 503);
  t.regex(down.reply.text, /not answering/);
  await one.open('/_auth/sign-in/corp?return_to=%2F');
  t.is(lastAtApp()['remote-user'], 'zora');
});

test('starts while the provider is down, and signs in as soon as it is there', async (t) => {
  const { browser, provider, gateway, config } = await startWorld(t);
  provider.intercept = (_request, response) => {
    response.writeHead(503).end();
    return true;
  };
  await gateway.reload(config);
  const one = browser();
  const down = await one.open('/');
  t.is(down.reply.status, 503);
  t.truthy(down.reply.headers['retry-after']);
  provider.intercept = null;
  const { reply } = await one.open('/_auth/sign-in/corp?return_to=%2F');
  t.is(reply.status, 200);
});

test('a strict session cookie survives the way back from the provider', async (t) => {
  const { browser } = await startWorld(t, { more: { session: { cookie: { sameSite: 'strict' } } } });
  const { url, reply } = await browser().open('/x?y=1');
  t.is(url.pathname, '/_auth/callback/corp');
  t.is(reply.status, 200);
  t.is(reply.headers['refresh'], `0; url=${publicUrl}/x?y=1`);
});
