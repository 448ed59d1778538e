import test, { type ExecutionContext } from 'ava';
import { createVisitor, type Reply, type Visitor } from '../../support/visitor.ts';
import { startWorld, zoe, type World, type WorldOptions } from './support.ts';

/** A browser that goes to any host of the gateway, and to the provider, with the cookies of each. */
interface Traveller {
  readonly at: (host: string) => Visitor;
  readonly open: (
    address: string,
    stopAt?: (next: URL) => boolean,
  ) => Promise<{ url: URL; reply: Reply; next: URL | null }>;
}

async function startHosts(t: ExecutionContext, options: WorldOptions = {}) {
  const world = await startWorld(t, options);
  const upstream = world.upstream.origin;
  const route = (host: string) => ({ id: host.replace('*.', ''), host, path: '/', upstream });
  const routes = ['app.test', 'wiki.test', 'chat.example', '*.wild.test'].map(route);
  const config = { ...world.config, routes: [...routes, { id: 'any', path: '/', upstream }] };
  await world.gateway.reload(config);
  return { ...world, config, traveller: () => createTraveller(world) };
}

function createTraveller({ gateway, provider }: World): Traveller {
  const visitors = new Map<string, Visitor>();
  const at = (host: string): Visitor => {
    const known =
      visitors.get(host) ??
      (host.startsWith('127.') ? createVisitor(provider.port) : createVisitor(gateway.port, { host, scheme: 'https' }));
    visitors.set(host, known);
    return known;
  };
  return {
    at,
    open: async (address, stopAt) => {
      let url = new URL(address);
      for (let hop = 0; hop < 30; hop += 1) {
        const reply = await at(url.host).navigate(url.pathname + url.search);
        const refresh = /^0; url=(.*)$/.exec(String(reply.headers['refresh'] ?? ''))?.[1];
        const to = reply.location ?? refresh;
        const next = to === undefined ? null : new URL(to, url);
        if (next === null || stopAt?.(next) === true) return { url, reply, next };
        url = next;
      }
      throw new Error(`went in circles at ${url.href}`);
    },
  };
}

test('one sign-in serves apps on hosts of their own, each with a cookie of its own', async (t) => {
  const { traveller, provider, lastAtApp } = await startHosts(t);
  const one = traveller();
  const wiki = await one.open('https://wiki.test/page?x=1&y=%2F');
  t.is(wiki.url.href, 'https://wiki.test/page?x=1&y=%2F');
  t.is(wiki.reply.status, 200);
  t.is(lastAtApp()['remote-user'], 'zora');
  const asked = provider.requests.filter((request) => request === 'GET /auth').length;
  const chat = await one.open('https://chat.example/');
  t.is(chat.reply.status, 200);
  t.is(chat.url.href, 'https://chat.example/');
  t.is(provider.requests.filter((request) => request === 'GET /auth').length, asked, 'nobody was asked again');
  const tokens = ['app.test', 'wiki.test', 'chat.example'].map((host) => one.at(host).token());
  t.is(new Set(tokens).size, 3);
  t.true(tokens.every((token) => token !== null));
  // A cookie of one host opens nothing at another.
  const thief = traveller().at('chat.example');
  thief.cookies.set(one.at('wiki.test').tokenName() ?? '', one.at('wiki.test').token() ?? '');
  t.is((await thief.send('/')).status, 401);
});

test('signing out once, at whatever host, ends all', async (t) => {
  const { traveller, provider } = await startHosts(t);
  const one = traveller();
  await one.open('https://wiki.test/');
  await one.open('https://chat.example/');
  const other = traveller();
  await other.open('https://wiki.test/');
  const reply = await one
    .at('chat.example')
    .navigate('/_auth/sign-out', { headers: { 'sec-fetch-site': 'same-origin' } });
  t.true((reply.location ?? '').startsWith(`${provider.issuer}/session/end?`), 'the provider is told too');
  for (const host of ['wiki.test', 'chat.example', 'app.test'])
    t.is((await one.at(host).send('/', { headers: { 'sec-fetch-mode': 'cors' } })).status, 401, host);
  t.is((await other.at('wiki.test').send('/')).status, 200);
});

test('sessions at other hosts follow the one they came from: groups, the provider’s no, its sign-out', async (t) => {
  const { traveller, provider, advance, lastAtApp } = await startHosts(t, { oidc: { checkEvery: '5m' } });
  const one = traveller();
  await one.open('https://wiki.test/');
  await one.open('https://chat.example/');
  provider.accounts.set(zoe.sub, { ...zoe, groups: ['guests'] });
  advance(6 * 60_000);
  t.is((await one.at('wiki.test').send('/')).status, 200);
  t.is(lastAtApp()['remote-groups'], 'guests');
  const refreshed = provider.requests.filter((request) => request === 'POST /token').length;
  t.is((await one.at('chat.example').send('/')).status, 200);
  t.is(lastAtApp()['remote-groups'], 'guests');
  t.is(provider.requests.filter((request) => request === 'POST /token').length, refreshed, 'one refresh for all hosts');
  provider.accounts.delete(zoe.sub);
  advance(6 * 60_000);
  t.is((await one.at('wiki.test').send('/')).status, 401);
  advance(61_000);
  t.is((await one.at('chat.example').send('/')).status, 401);
});

test('a code is good once, in the browser and at the host that asked for it', async (t) => {
  const { traveller } = await startHosts(t);
  const one = traveller();
  const isDone = (next: URL) => next.pathname === '/_auth/hand-over/done';
  const first = await one.open('https://wiki.test/', isDone);
  const address = (first.next?.pathname ?? '') + (first.next?.search ?? '');
  const stranger = traveller();
  await stranger.open('https://wiki.test/', (next) => next.host === 'app.test');
  for (const visitor of [stranger.at('wiki.test'), one.at('chat.example'), traveller().at('wiki.test')]) {
    t.is((await visitor.navigate(address)).status, 400);
    t.is(visitor.token(), null);
  }
  for (const query of ['', '?code=', '?code=x', `?code=${'x'.repeat(43)}`])
    t.is((await one.at('wiki.test').navigate(`/_auth/hand-over/done${query}`)).status, 400);
  t.is((await one.at('wiki.test').navigate(address)).status, 303);
  const token = one.at('wiki.test').token();
  t.truthy(token);
  t.is((await one.at('wiki.test').navigate(address)).status, 400);
  t.is(one.at('wiki.test').token(), token);
});

test('a ticket of somebody else’s signs nobody in but its owner’s own browser', async (t) => {
  const { traveller } = await startHosts(t);
  const attacker = traveller();
  const { next } = await attacker.open('https://wiki.test/', (to) => to.host === 'app.test');
  const victim = traveller();
  await victim.open('https://app.test/');
  const lured = await victim.open(next?.href ?? '', (to) => to.pathname === '/_auth/hand-over/done');
  const code = (lured.next?.pathname ?? '') + (lured.next?.search ?? '');
  const refused = await victim.at('wiki.test').navigate(code);
  t.is(refused.status, 400);
  t.is(victim.at('wiki.test').token(), null);
});

test('no code ever goes to a host that no route names', async (t) => {
  const { traveller, gateway } = await startHosts(t);
  const one = traveller();
  await one.open('https://app.test/');
  const evil = await one.at('evil.test').navigate('/_auth/sign-in?return_to=%2F');
  t.is(evil.status, 200);
  t.regex(evil.text, /no way to sign in here/);
  t.is(evil.location, null);
  const wild = await one.at('any.wild.test').navigate('/_auth/sign-in?return_to=%2F');
  t.is(new URL(wild.location ?? '').origin, 'https://app.test');
  for (const host of ['wiki.test', 'app.test'])
    for (const query of ['', '?ticket=', '?ticket=x', `?ticket=${'x'.repeat(43)}`])
      t.is((await one.at(host).navigate(`/_auth/hand-over${query}`)).status, 400);
  t.is(gateway.logs().filter((line) => /(ticket|code)=/.test(line)).length, 0);
});

test('after signing out at an app’s host the person is asked before the provider signs them in again', async (t) => {
  const { traveller } = await startHosts(t, { oidc: { signOut: false } });
  const one = traveller();
  await one.open('https://wiki.test/');
  await one.at('wiki.test').navigate('/_auth/sign-out', { headers: { 'sec-fetch-site': 'same-origin' } });
  const again = await one.open('https://wiki.test/');
  t.is(again.url.origin + again.url.pathname, 'https://app.test/_auth/sign-in');
  t.regex(again.reply.text, /Sign in with Corp SSO/);
});

test('somebody who wants to be somebody else at an app’s host is asked who', async (t) => {
  const { traveller, provider, lastAtApp } = await startHosts(t, { signIn: { local: {} } });
  const one = traveller();
  const page = await one.open('https://wiki.test/');
  t.is(page.url.host, 'app.test');
  t.regex(page.reply.text, /to continue to <strong><bdi>wiki\.test</, 'the page knows where the person is going');
  const link = /href="([^"]*sign-in\/corp[^"]*)"/.exec(page.reply.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.is((await one.open(new URL(link, page.url).href)).url.href, 'https://wiki.test/');
  const other = { ...zoe, sub: 'acct-other', preferred_username: 'other' };
  provider.accounts.set(other.sub, other);
  provider.signsIn = other.sub;
  one.at(new URL(provider.issuer).host).cookies.clear();
  const asked = await one.open('https://wiki.test/_auth/sign-in?return_to=%2F');
  t.is(asked.url.pathname, '/_auth/sign-in');
  const next = /href="([^"]*sign-in\/corp[^"]*)"/.exec(asked.reply.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
  t.is((await one.open(new URL(next, asked.url).href)).url.href, 'https://wiki.test/');
  t.is(lastAtApp()['remote-user'], 'other');
});
