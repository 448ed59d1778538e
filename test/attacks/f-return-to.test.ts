import test from 'ava';
import { createGrounds } from '../support/attack-runner.ts';
import { fixtures } from '../support/fixture.ts';
import { passwordOf } from '../support/users.ts';
import { createVisitor } from '../support/visitor.ts';
import type { Reply, SignInOptions, Visitor } from '../support/visitor.ts';

// Group F: wherever the gateway sends a visitor, it is to one of its own hosts.
const grounds = createGrounds();
test.after.always(() => grounds.stop());

// Many sign-ins of one person from one address: limits on guessing are not the subject here.
const patient = { ...fixtures.plain, signIn: { throttle: { failures: 1000 } } };
const ours = 'https://app.test';
const allowedOrigins = [ours, 'https://other.test'];

/** What attackers write to leave a site by its sign-in. */
const hostile = [
  '//evil.test',
  '///evil.test',
  '////evil.test',
  '/\\evil.test',
  '/\t/evil.test',
  '/\n/evil.test',
  '/\r/evil.test',
  '\t//evil.test',
  ' //evil.test',
  '\u0000//evil.test',
  '\u00a0//evil.test',
  '/\\/evil.test',
  '\\\\evil.test',
  '\\/evil.test',
  '/%09/evil.test',
  'https:evil.test',
  'https:/evil.test',
  'https:///evil.test',
  'https:\\\\evil.test',
  'https://evil.test',
  'HTTPS://EVIL.TEST/private/x',
  'https://app.test@evil.test',
  'https://app.test:443@evil.test/',
  'https://evil.test@app.test/',
  'https://app.test.evil.test',
  'https://evilapp.test',
  'https://app.test%2eevil.test/',
  'https://app.test%00.evil.test/',
  'https://app.test\u0000.evil.test/',
  'https://evil.test\\@app.test',
  'https://evil.test#@app.test',
  'https://evil.test?@app.test',
  'https://evil.test%2f@app.test',
  'https://\u0430pp.test/',
  'https://xn--pp-7kc.test/',
  'https://[::1',
  'https://%zz/',
  'https://',
  'http://app.test:443/private/x',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\tscript:alert(1)',
  'javascript://app.test/%0aalert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'ftp://app.test/private/x',
  'ws://app.test/private/x',
  'blob:https://app.test/x',
  'filesystem:https://app.test/x',
  'about:blank',
  'mailto:evil@evil.test',
  '/%0d%0aSet-Cookie:x=y',
  '/\r\nSet-Cookie: x=y',
  '/private/\r\n\r\n<script>alert(1)</script>',
  '/.//evil.test',
  '/..//evil.test',
  '/x/..//evil.test',
  '/private/../..//evil.test',
  '/%2f/evil.test',
  '/%5cevil.test',
  '%2f%2fevil.test',
  'evil.test',
  './/evil.test',
  '../evil.test',
  '?return_to=//evil.test',
  '#//evil.test',
  '\uff0f\uff0fevil.test',
  '\u2028//evil.test',
  '*',
  '',
];

function visitorAt(port: number): Visitor {
  return createVisitor(port, { host: 'app.test', scheme: 'https' });
}

/** What is wrong with where a reply leads, by its Location and by everything in its page that leads anywhere. */
function leadsAway(reply: Reply): string[] {
  const faults: string[] = [];
  const judge = (what: string, target: string): void => {
    if (/[\x00-\x20\x7f\\]/.test(target)) faults.push(`${what} holds odd characters: ${JSON.stringify(target)}`);
    const origin = URL.canParse(target, `${ours}/_auth/sign-in`)
      ? new URL(target, `${ours}/_auth/sign-in`).origin
      : 'unreadable';
    if (!allowedOrigins.includes(origin)) faults.push(`${what} leads to ${JSON.stringify(target)}`);
  };
  if (reply.location !== null) judge('Location', reply.location);
  if (reply.headers.refresh !== undefined) faults.push(`Refresh: ${String(reply.headers.refresh)}`);
  for (const [, name, value] of reply.text.matchAll(/\s(href|src|action|formaction|data-[\w-]+)="([^"]*)"/gi))
    if (!name!.startsWith('data-')) judge(name!, value!.replaceAll('&amp;', '&').replaceAll('&#39;', "'"));
  for (const [meta] of reply.text.matchAll(/<meta[^>]*http-equiv="?refresh[^>]*>/gi))
    judge('meta refresh', /url=([^"'>]*)/i.exec(meta)?.[1] ?? '');
  if (reply.setCookies.some((line) => line.startsWith('x='))) faults.push('a cookie was smuggled in');
  if (/<script>alert/i.test(reply.text)) faults.push('markup was smuggled in');
  return faults;
}

test('F118 rd-classic: leads nobody away who signs in', async (t) => {
  t.timeout(100_000);
  const { gateway } = await grounds.get(patient);
  const faults: Record<string, string[]> = {};
  for (const target of hostile) {
    const visitor = visitorAt(gateway.port);
    const page = await visitor.navigate(`/_auth/sign-in?return_to=${encodeURIComponent(target)}`);
    const wrong = await visitor.signIn('heidi', 'x', { returnTo: target });
    const right = await visitor.signIn('heidi', passwordOf('heidi'), { returnTo: target });
    const found = [...leadsAway(page), ...leadsAway(wrong), ...leadsAway(right)];
    if (![302, 303].includes(right.status)) found.push(`answered ${right.status}`);
    // Who is signed in already may be sent on at once, or see the form: neither leads away.
    found.push(...leadsAway(await visitor.navigate(`/_auth/sign-in?return_to=${encodeURIComponent(target)}`)));
    if (found.length > 0) faults[target] = found;
  }
  t.deepEqual(faults, {});
});

test('F119 rd-dup: a target given twice, or elsewhere than the form has it, leads nobody away', async (t) => {
  const { gateway } = await grounds.get(patient);
  const evil = encodeURIComponent('//evil.test');
  const ways: SignInOptions[] = [
    { page: `/_auth/sign-in?return_to=%2Fprivate%2Fok&return_to=${evil}` },
    { page: `/_auth/sign-in?return_to=${evil}&return_to=%2Fprivate%2Fok` },
    { page: `/_auth/sign-in?return_to[]=${evil}` },
    { page: `/_auth/sign-in?return_to%5B%5D=${evil}` },
    { page: `/_auth/sign-in?return_to[0]=${evil}&rd=${evil}&redirect=${evil}&next=${evil}` },
    { page: `/_auth/sign-in?RETURN_TO=${evil}` },
    { page: '/_auth/sign-in?return_to=%2Fprivate%2Fok', fields: [['return_to', '//evil.test']] },
    { page: '/_auth/sign-in?return_to=%2Fprivate%2Fok', fields: [['return_to', 'https://evil.test/']] },
    { page: '/_auth/sign-in?return_to=%2Fprivate%2Fok', fields: [['return_to[]', '//evil.test']] },
    { page: '/_auth/sign-in', target: `/_auth/sign-in?return_to=${evil}` },
    { page: '/_auth/sign-in', target: `/_auth/sign-in?return_to=${evil}`, fields: [['return_to', '/\\evil.test']] },
    { page: '/_auth/sign-in', without: ['return_to'], fields: [['return_to', '//evil.test']] },
  ];
  for (const way of ways) {
    const reply = await visitorAt(gateway.port).signIn('heidi', passwordOf('heidi'), way);
    t.true([302, 303, 400].includes(reply.status), JSON.stringify(way));
    t.deepEqual(leadsAway(reply), [], JSON.stringify(way));
  }
});

test('F120 rd-long: an overlong target is dropped, never cut and then followed', async (t) => {
  const { gateway } = await grounds.get(patient);
  for (const target of [`/private/${'a'.repeat(3_000)}`, `/private/?${'a'.repeat(12_000)}`, `/${'a/'.repeat(2_000)}`]) {
    const visitor = visitorAt(gateway.port);
    const page = await visitor.navigate(`/_auth/sign-in?return_to=${encodeURIComponent(target)}`);
    t.true([200, 400, 414, 431].includes(page.status));
    if (page.status !== 200) continue;
    const reply = await visitor.signIn('heidi', passwordOf('heidi'), { returnTo: target });
    t.deepEqual(leadsAway(reply), []);
    const location = reply.location ?? '';
    t.true(!location.includes('aaaa') || location.endsWith(target), 'cut short');
  }
});

test('F121 rd-keep: brings the visitor back to the very path and query', async (t) => {
  const { gateway } = await grounds.get(patient);
  for (const target of [
    '/private/x?a=b&c=d%2Fe+f',
    '/private/x',
    '/private/?',
    '/private/%C3%BC?q=%C3%BC&q=2&&=;',
    '/private/a%20b?return_to=%2Fprivate%2Fother',
    '/private/x?u=https://evil.test/&v=//evil.test',
    "/private/x?it's",
    '/private/it|s[1]?x[]=1|2',
  ]) {
    const visitor = visitorAt(gateway.port);
    const asked = await visitor.navigate(target);
    t.is(asked.status, 302, target);
    const signInUrl = new URL(asked.location ?? '', ours);
    t.is(signInUrl.origin, ours);
    t.is(signInUrl.pathname, '/_auth/sign-in');
    const reply = await visitor.signIn('heidi', passwordOf('heidi'), { page: signInUrl.pathname + signInUrl.search });
    t.is((reply.location ?? '').replace(ours, ''), target);
    t.is((await visitor.navigate(target)).status, 200);
  }
});

test('F122 rd-loop: never brings anybody back to a page that signs in or out', async (t) => {
  const { gateway } = await grounds.get(patient);
  for (const target of [
    '/_auth/sign-out',
    '/_auth/sign-out?return_to=/private/x',
    '/_auth/logout',
    '/_auth/sign-in',
    '/_auth/sign-in?return_to=%2Fprivate%2Fx',
    '/_auth/verify/nginx',
    '/_auth/callback/corp',
    `${ours}/_auth/sign-out`,
    '/_auth//sign-out',
    '/_auth/./sign-out',
    '/private/../_auth/sign-out',
    '/%5fauth/sign-out',
    '/_auth/%73ign-out',
    '/_auth%2fsign-out',
    '/_AUTH/SIGN-OUT',
    '/_auth/sign-out#x',
    '/_auth/sign-out;x',
  ]) {
    const visitor = visitorAt(gateway.port);
    const reply = await visitor.signIn('heidi', passwordOf('heidi'), { returnTo: target });
    t.deepEqual(leadsAway(reply), [], target);
    const location = new URL(reply.location ?? '', ours);
    t.notRegex(decodeURIComponent(location.pathname), /_auth\/+(sign-|logout|verify|callback)/i, target);
    if (location.origin === ours) await visitor.navigate(location.pathname + location.search);
    t.is((await visitor.navigate('/private/x')).status, 200, `${target} signed out again`);
  }
});

test('F123 rd-referer: pays no attention to Referer', async (t) => {
  const { gateway } = await grounds.get(patient);
  for (const referer of ['https://evil.test//x', '//evil.test', 'https://app.test.evil.test/', 'javascript:x']) {
    const visitor = visitorAt(gateway.port);
    for (const reply of [
      await visitor.navigate('/private/x', { headers: { referer } }),
      await visitor.navigate('/_auth/sign-in', { headers: { referer } }),
      await visitor.signIn('heidi', passwordOf('heidi'), { headers: { referer } }),
      await visitor.navigate('/_auth/sign-out', { headers: { referer, 'sec-fetch-site': 'same-origin' } }),
      await visitor.navigate('/_auth/sign-out', { headers: { referer } }),
    ])
      t.deepEqual(leadsAway(reply), [], referer);
  }
});

test('F124 rd-logout: leads nobody away who signs out', async (t) => {
  t.timeout(100_000);
  const { gateway } = await grounds.get(patient);
  const faults: Record<string, string[]> = {};
  for (const target of hostile) {
    const found: string[] = [];
    for (const parameter of ['return_to', 'rd', 'post_logout_redirect_uri']) {
      const path = `/_auth/sign-out?${parameter}=${encodeURIComponent(target)}`;
      const visitor = visitorAt(gateway.port);
      const reply = await visitor.navigate(path, { headers: { 'sec-fetch-site': 'same-origin' } });
      found.push(...leadsAway(reply));
      const crossSite = await visitor.navigate(path, { headers: { 'sec-fetch-site': 'cross-site' } });
      found.push(...leadsAway(crossSite));
      const posted = await visitor.navigate('/_auth/sign-out', {
        method: 'POST',
        body: `${parameter}=${encodeURIComponent(target)}`,
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: ours,
          'sec-fetch-site': 'same-origin',
        },
      });
      found.push(...leadsAway(posted));
    }
    if (found.length > 0) faults[target] = found;
  }
  t.deepEqual(faults, {});
  const visitor = visitorAt(gateway.port);
  await visitor.signIn('heidi', passwordOf('heidi'));
  const kept = await visitor.navigate('/_auth/sign-out?return_to=%2Fpublic%2Fbye', {
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  t.is((kept.location ?? '').replace(ours, ''), '/public/bye', 'a target of our own is kept');
  t.is(visitor.token(), null);
});

test('F125 rd-scheme-port: refuses another scheme and another port of our own host', async (t) => {
  const { gateway } = await grounds.get(patient);
  for (const target of [
    'http://app.test/private/x',
    'https://app.test:8443/private/x',
    'http://app.test:443/private/x',
    'https://app.test:80/private/x',
    'https://other.test:444/',
    'http://other.test/',
  ]) {
    const reply = await visitorAt(gateway.port).signIn('heidi', passwordOf('heidi'), { returnTo: target });
    const location = new URL(reply.location ?? '', ours);
    t.true(allowedOrigins.includes(location.origin), `${target} → ${reply.location}`);
  }
  const same = await visitorAt(gateway.port).signIn('heidi', passwordOf('heidi'), {
    returnTo: 'https://app.test:443/private/x',
  });
  t.true(['/private/x', '/', '/_auth/'].includes(new URL(same.location ?? '', ours).pathname));
});

test('F126 rd-status: answers a posted password with 303, which turns the POST into a GET', async (t) => {
  const { gateway } = await grounds.get(patient);
  const visitor = visitorAt(gateway.port);
  const reply = await visitor.signIn('heidi', passwordOf('heidi'), { returnTo: '/private/x' });
  t.true([302, 303].includes(reply.status));
  const again = await visitor.signIn('heidi', passwordOf('heidi'), { returnTo: '/private/x' });
  t.true([302, 303].includes(again.status));
});
