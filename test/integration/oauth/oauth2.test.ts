import test from 'ava';
import { json } from '../../support/oauth-stub.ts';
import { forgeAt, startWorld } from './support.ts';

const ada = { user: { data: { id: 42, login: 'Ada', name: 'Ada L.' }, email: 'ada@example.test', groups: 'dev' } };

test('somebody of a provider without OpenID signs in by the claims that are mapped', async (t) => {
  const { browser, stub, lastAtApp } = await startWorld(t, (stub) => forgeAt(stub, { userPrefix: 'forge-' }));
  stub.person = ada;
  const visit = browser();
  const page = await visit.gateway.navigate('/_auth/sign-in?choose=1');
  t.true(page.text.includes('Sign in with Forge'));
  // The only way in: nobody is asked to choose.
  t.is((await visit.open('/page')).reply.status, 200);
  t.like(lastAtApp(), { 'remote-user': 'forge-ada', 'remote-name': 'Ada L.', 'remote-groups': 'dev' });
  t.false('remote-email' in lastAtApp(), 'nobody vouches for the address');
  const [asked] = stub.to('/login/oauth/authorize');
  t.is(asked!.query.get('tenant'), '1');
  t.is(asked!.query.get('scope'), 'identity');
  t.is(asked!.query.get('code_challenge_method'), 'S256');
});

test('an address counts where it is said to be verified, or the provider is trusted with it', async (t) => {
  const { enter, stub, lastAtApp } = await startWorld(t, (stub) => forgeAt(stub));
  stub.person = { user: { ...ada.user, email_verified: true } };
  t.is((await enter('forge')).status, 200);
  t.is(lastAtApp()['remote-email'], 'ada@example.test');
  const trusting = await startWorld(t, (other) => forgeAt(other, { trustEmail: true, clientAuthentication: 'post' }));
  trusting.stub.person = ada;
  t.is((await trusting.enter('forge')).status, 200);
  t.is(trusting.lastAtApp()['remote-email'], 'ada@example.test');
});

test('PKCE can be left out for a provider that refuses it', async (t) => {
  const { enter, stub } = await startWorld(t, (stub) => forgeAt(stub, { pkce: false }));
  stub.person = ada;
  t.is((await enter('forge')).status, 200);
  t.is(stub.to('/login/oauth/authorize')[0]!.query.get('code_challenge'), null);
  t.is(stub.to('/login/oauth/access_token')[0]!.fields.get('code_verifier'), null);
});

test('211: a missing or odd subject, and claims that are required and not there, sign nobody in', async (t) => {
  const { enter, stub, reasons } = await startWorld(t, (stub) =>
    forgeAt(stub, { requiredClaims: { 'data.kind': ['staff'] } }),
  );
  const kind = 'staff';
  stub.person = { user: { data: { id: 42, login: 'ada', kind } } };
  t.is((await enter('forge')).status, 200);
  for (const user of [
    { data: { login: 'ada', kind } },
    { data: { id: '', login: 'ada', kind } },
    { data: { id: null, login: 'ada', kind } },
    { data: { id: [42], login: 'ada', kind } },
    { data: { id: 4.5, login: 'ada', kind } },
    { data: { id: 'a\nb', login: 'ada', kind } },
    { data: { id: 42, login: 'ada', kind: 'guest' } },
    { data: { id: 42, login: 'ada' } },
    [{ data: { id: 42, login: 'ada', kind } }],
    'ada',
  ]) {
    stub.person = { user };
    t.is((await enter('forge')).status, 403, JSON.stringify(user));
  }
  t.deepEqual([...new Set(reasons())], ['malformed-subject', 'required-claim-missing', 'malformed-answer']);
});

test('221: an expired access token is renewed, its refresh token rotates, and invalid_grant is the end', async (t) => {
  const { enter, stub, advance, reasons, lastAtApp } = await startWorld(t, (stub) => forgeAt(stub));
  stub.person = ada;
  stub.tokenExtras = { expires_in: 600, refresh_token: true };
  const { browser } = await enter('forge');
  const refreshes = () =>
    stub.to('/login/oauth/access_token').filter(({ fields }) => fields.get('grant_type') === 'refresh_token').length;
  stub.person = { user: { ...ada.user, groups: ['ops'] } };
  for (const round of [1, 2]) {
    stub.revokeAll();
    advance(9.5 * 60_000);
    t.is((await browser.gateway.navigate('/x')).status, 200);
    t.is(refreshes(), round);
  }
  t.is(lastAtApp()['remote-groups'], 'ops');
  stub.revokeRefresh();
  advance(10 * 60_000);
  t.is((await browser.gateway.navigate('/x')).status, 302);
  t.deepEqual(reasons(), ['invalid-grant']);
});

test('many requests at once renew once, and a renewed refresh token is not lost when nobody answers then', async (t) => {
  const { enter, stub, advance } = await startWorld(t, (stub) => forgeAt(stub));
  stub.person = ada;
  stub.tokenExtras = { expires_in: 600, refresh_token: true };
  const { browser } = await enter('forge');
  advance(10 * 60_000);
  stub.instead.set('/userinfo', json({}, 503));
  const before = stub.to('/login/oauth/access_token').length;
  const replies = await Promise.all(Array.from({ length: 20 }, () => browser.gateway.navigate('/x')));
  t.true(replies.every(({ status }) => status === 200));
  t.is(stub.to('/login/oauth/access_token').length, before + 1);
  stub.instead.clear();
  advance(10 * 60_000);
  t.is((await browser.gateway.navigate('/x')).status, 200, 'with the refresh token that came then');
});

test('a token that ends and can’t be renewed is asked with while it lasts, then the session goes on', async (t) => {
  const { enter, stub, advance } = await startWorld(t, (stub) => forgeAt(stub, { checkEvery: '5m' }));
  stub.person = ada;
  stub.tokenExtras = { expires_in: 500 };
  const { browser } = await enter('forge');
  advance(5 * 60_000 + 1);
  t.is((await browser.gateway.navigate('/x')).status, 200);
  t.is(stub.to('/userinfo').length, 2);
  stub.revokeAll();
  advance(20 * 60_000);
  t.is((await browser.gateway.navigate('/x')).status, 200);
  t.is(stub.to('/userinfo').length, 2);
});

test('200: one provider’s answer does not do for another', async (t) => {
  const { browser, stub } = await startWorld(t, (stub) => {
    const [forge] = forgeAt(stub).oauth2;
    return { oauth2: [forge, { ...forge, id: 'other', name: 'Other' }] };
  });
  stub.person = ada;
  const visit = browser();
  const { next } = await visit.open('/_auth/sign-in/forge', (url) => url.pathname.startsWith('/_auth/callback/'));
  t.is(next!.pathname, '/_auth/callback/forge');
  t.is((await visit.gateway.navigate(`/_auth/callback/other${next!.search}`)).status, 400);
  t.is(stub.to('/login/oauth/access_token').length, 0);
});
