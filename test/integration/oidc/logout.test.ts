import test from 'ava';
import type { WebSocket } from 'ws';
import { startTestGateway } from '../../support/gateway.ts';
import { socketClosed } from '../../support/visitor.ts';
import { publicUrl, startWorld } from './support.ts';

test('signing out here signs out at the provider, which leads back to where the person wanted to go', async (t) => {
  const { browser, provider } = await startWorld(t);
  const one = browser();
  await one.open('/');
  const signOut = await one.gateway.navigate('/_auth/sign-out?return_to=%2F_auth%2F', {
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  t.is(signOut.status, 303);
  t.is(one.gateway.token(), null);
  const there = new URL(signOut.location ?? '');
  t.is(there.origin, provider.issuer);
  t.is(there.pathname, '/session/end');
  t.is(there.searchParams.get('post_logout_redirect_uri'), `${publicUrl}/_auth/signed-out`);
  t.is(there.searchParams.get('client_id'), 'gateway');
  t.truthy(there.searchParams.get('id_token_hint'));
  // The provider's page asks; the person says yes.
  const question = await one.open(there.href);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(question.reply.text)?.[1] ?? '';
  const confirmed = await one.providerCookies(provider.port).navigate('/session/end/confirm', {
    method: 'POST',
    body: `xsrf=${xsrf}&logout=yes`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  const back = new URL(confirmed.location ?? '');
  t.is(back.origin + back.pathname, `${publicUrl}/_auth/signed-out`);
  const home = await one.gateway.navigate(back.pathname + back.search);
  t.is(home.location, '/_auth/');
  t.is((await one.gateway.navigate(back.pathname + back.search)).status, 200, 'the state is good once');
});

test('a form that signs out gets a page that leads on, since browsers hold form-action against redirects', async (t) => {
  const { browser, provider } = await startWorld(t);
  const one = browser();
  await one.open('/');
  const reply = await one.gateway.navigate('/_auth/sign-out', {
    method: 'POST',
    headers: { origin: publicUrl, 'sec-fetch-site': 'same-origin' },
  });
  t.is(reply.status, 200);
  t.true(String(reply.headers['refresh']).startsWith(`0; url=${provider.issuer}/session/end?`));
});

test('a provider that is down keeps nobody from signing out here', async (t) => {
  const { browser, provider } = await startWorld(t);
  const one = browser();
  await one.open('/');
  provider.intercept = (_request, response) => {
    response.destroy();
    return true;
  };
  const reply = await one.gateway.navigate('/_auth/sign-out', { headers: { 'sec-fetch-site': 'same-origin' } });
  t.is(reply.status, 303);
  t.is(one.gateway.token(), null);
});

test('the provider’s own sign-out ends the session here by the back channel, live WebSockets too', async (t) => {
  const { browser, provider, gateway } = await startWorld(t);
  const [one, other] = [browser(), browser()];
  await one.open('/');
  await other.open('/');
  const socket: WebSocket = await one.gateway.openSocket('/ws', { origin: publicUrl });
  const closed = socketClosed(socket);
  const there = one.providerCookies(provider.port);
  const question = await there.navigate('/session/end');
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(question.text)?.[1] ?? '';
  const done = await there.navigate('/session/end/confirm', {
    method: 'POST',
    body: `xsrf=${xsrf}&logout=yes`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  t.true(done.status < 400);
  await closed;
  t.is((await one.gateway.send('/')).status, 401);
  t.is((await other.gateway.send('/')).status, 200, 'the same person elsewhere has another session');
  t.true(gateway.logs().some((line) => line.includes('"session.ended"') && line.includes('"audit":true')));
});

test('the front channel ends the session that it names, and only that of this issuer', async (t) => {
  const { browser, provider } = await startWorld(t);
  const one = browser();
  const sids: string[] = [];
  provider.on('authorization.success', (context: { oidc?: { session?: { sidFor?: (id: string) => string } } }) => {
    const sid = context.oidc?.session?.sidFor?.('gateway');
    if (typeof sid === 'string') sids.push(sid);
  });
  await one.open('/');
  const sid = encodeURIComponent(sids.at(-1) ?? '');
  t.truthy(sid);
  const stranger = browser().gateway;
  const issuer = encodeURIComponent(provider.issuer);
  for (const query of [
    '',
    `?sid=${sid}`,
    `?iss=${issuer}`,
    `?iss=https%3A%2F%2Fx.test&sid=${sid}`,
    `?iss=${issuer}&sid=`,
  ])
    t.is((await stranger.send(`/_auth/frontchannel-logout/corp${query}`)).status, 400, query);
  t.is((await stranger.send(`/_auth/frontchannel-logout/corp?iss=${issuer}&sid=unknown`)).status, 200);
  t.is((await one.gateway.send('/')).status, 200);
  t.is((await stranger.send(`/_auth/frontchannel-logout/corp?iss=${issuer}&sid=${sid}`)).status, 200);
  t.is((await one.gateway.send('/')).status, 401);
});

test('without providers there is nothing to call', async (t) => {
  const gateway = await startTestGateway({
    config: { server: { publicUrl }, routes: [{ host: 'app.test', upstream: 'http://127.0.0.1:9' }] },
    users: 'users: {}',
  });
  t.teardown(gateway.stop);
  const reply = await fetch(`${gateway.origin}/_auth/signed-out`, { redirect: 'manual' });
  t.is(reply.status, 404);
});
