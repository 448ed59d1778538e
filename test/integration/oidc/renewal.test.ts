import { join } from 'node:path';
import test from 'ava';
import { startTestGateway } from '../../support/gateway.ts';
import { makeDirectory } from '../../support/temporary.ts';
import { sendTo } from '../../support/visitor.ts';
import { startWorld, zoe } from './support.ts';

const minute = 60_000;

test('groups and names follow the provider while the session lives, by one call for many requests', async (t) => {
  const { browser, provider, advance, lastAtApp } = await startWorld(t, { oidc: { checkEvery: '5m' } });
  const one = browser();
  await one.open('/');
  provider.accounts.set(zoe.sub, { ...zoe, groups: ['guests'], preferred_username: 'renamed', name: 'Zoe New' });
  await one.gateway.navigate('/');
  t.is(lastAtApp()['remote-groups'], 'staff,editors');
  advance(6 * minute);
  const before = provider.requests.filter((request) => request === 'POST /token').length;
  const replies = await Promise.all(Array.from({ length: 20 }, () => one.gateway.send('/')));
  t.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
  t.is(provider.requests.filter((request) => request === 'POST /token').length, before + 1);
  await one.gateway.send('/');
  t.like(lastAtApp(), { 'remote-user': 'zora', 'remote-groups': 'guests', 'remote-name': 'Zoe New' });
  // The rotated refresh token is the one that is kept.
  advance(6 * minute);
  t.is((await one.gateway.send('/')).status, 200);
  t.is(provider.requests.filter((request) => request === 'POST /token').length, before + 2);
});

test('the session ends when the provider takes its word back', async (t) => {
  const { browser, provider, advance, gateway } = await startWorld(t, { oidc: { checkEvery: '5m' } });
  const one = browser();
  await one.open('/');
  provider.accounts.delete(zoe.sub);
  advance(6 * minute);
  const reply = await one.gateway.send('/');
  t.is(reply.status, 401);
  t.is(one.gateway.token(), null);
  t.true(gateway.logs().some((line) => line.includes('provider-ended') && line.includes('invalid-grant')));
});

test('who no longer has a claim that is required is out', async (t) => {
  const { browser, provider, advance } = await startWorld(t, {
    oidc: { checkEvery: '5m', requiredClaims: { groups: ['staff', 'board'] } },
  });
  const one = browser();
  await one.open('/');
  t.truthy(one.gateway.token());
  provider.accounts.set(zoe.sub, { ...zoe, groups: ['guests'] });
  advance(6 * minute);
  t.is((await one.gateway.send('/')).status, 401);
  const refused = await browser().open('/');
  t.is(refused.reply.status, 403);
});

test('a provider that is down ends no session at once, and all in the end', async (t) => {
  const { browser, provider, advance, gateway } = await startWorld(t, {
    oidc: { checkEvery: '5m' },
    signIn: { providerOutage: '10m' },
  });
  const one = browser();
  await one.open('/');
  provider.intercept = (_request, response) => {
    response.destroy();
    return true;
  };
  advance(6 * minute);
  const asked = provider.requests.length;
  t.is((await one.gateway.send('/')).status, 200);
  t.is((await one.gateway.send('/')).status, 200);
  t.true(provider.requests.length - asked <= 2, 'not asked at every request');
  advance(5 * minute);
  t.is((await one.gateway.send('/')).status, 200);
  advance(6 * minute);
  t.is((await one.gateway.send('/')).status, 401);
  t.true(gateway.logs().some((line) => line.includes('provider-unreachable')));
});

test('new keys of the provider are taken on at once; forged key ids fetch them no more than once', async (t) => {
  const { browser, provider } = await startWorld(t);
  await browser().open('/');
  provider.rotateKeys();
  t.is((await browser().open('/')).reply.status, 200);
  t.is(provider.requests.filter((request) => request === 'GET /jwks').length, 2);
});

test('two instances on one store refresh a session once, however many requests come to both', async (t) => {
  const store = { url: `sqlite:${join(await makeDirectory(t), 'store.db')}` };
  const { browser, provider, config, gateway, advance, now } = await startWorld(t, {
    oidc: { checkEvery: '5m' },
    more: { store },
  });
  const other = await startTestGateway({ config, now });
  t.teardown(other.stop);
  const one = browser();
  await one.open('/');
  advance(6 * minute);
  const before = provider.requests.filter((request) => request === 'POST /token').length;
  const headers = { cookie: [...one.gateway.cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
  const replies = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      sendTo(index % 2 === 0 ? gateway.port : other.port, '/', { host: 'app.test', headers }),
    ),
  );
  t.deepEqual(new Set(replies.map(({ status }) => status)), new Set([200]));
  t.is(provider.requests.filter((request) => request === 'POST /token').length, before + 1);
});
