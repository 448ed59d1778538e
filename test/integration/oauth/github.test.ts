import test from 'ava';
import { json, type OAuthStub, type StubAnswer } from '../../support/oauth-stub.ts';
import { githubAt, octocat, startWorld } from './support.ts';

const api = '/api/v3';

test('197, 222: somebody of GitHub signs in: login, verified address, organizations and teams', async (t) => {
  const { enter, stub, lastAtApp, gateway } = await startWorld(t, (stub) => githubAt(stub, { userPrefix: 'gh-' }));
  const { browser, status } = await enter();
  t.is(status, 200);
  t.is(browser.visited.at(-1), 'https://app.test/page');
  t.like(lastAtApp(), {
    'remote-user': 'gh-octocat',
    'remote-name': 'The Octocat',
    'remote-email': 'octo@example.test',
    'remote-groups': 'acme,acme/editors',
  });
  const [asked] = stub.to('/login/oauth/authorize');
  t.is(asked!.query.get('scope'), 'read:user user:email read:org');
  t.is(asked!.query.get('code_challenge_method'), 'S256');
  t.is(asked!.query.get('redirect_uri'), 'https://app.test/_auth/callback/github');
  t.is(asked!.query.get('response_type'), 'code');
  const cookies = [...browser.gateway.cookies.values()].join(';');
  const secrets = [...stub.requests].flatMap(({ headers, fields }) =>
    [headers.authorization?.replace('Bearer ', ''), fields.get('code'), fields.get('code_verifier')].filter(Boolean),
  );
  t.true(secrets.length > 5);
  const logs = gateway.logs().join('\n');
  for (const secret of [...secrets, stub.clientSecret]) {
    t.false(logs.includes(String(secret)));
    t.false(cookies.includes(String(secret)));
  }
  t.false(Object.values(lastAtApp()).join().includes('gho_'));
});

test('an address that is not verified, or not primary, is none', async (t) => {
  const { enter, stub, lastAtApp } = await startWorld(t, (stub) => githubAt(stub));
  for (const emails of [
    [{ email: 'a@example.test', primary: true, verified: false }],
    [{ email: 'a@example.test', primary: false, verified: true }],
    [{ email: 'a@example.test', primary: 'true', verified: 'true' }],
    [{ email: 'a@b@example.test', primary: true, verified: true }],
  ]) {
    stub.person = { ...octocat, emails };
    t.is((await enter()).status, 200);
    t.false('remote-email' in lastAtApp(), JSON.stringify(emails));
  }
  stub.instead.set(`${api}/user/emails`, json({ message: 'Resource not accessible by integration' }, 403));
  t.is((await enter()).status, 200);
});

test('only members of the organizations or teams come in, whatever the case they are written in', async (t) => {
  const { enter, stub, reasons } = await startWorld(t, (stub) =>
    githubAt(stub, { organizations: ['ACME'], teams: ['Other/Readers'] }),
  );
  t.is((await enter()).status, 200);
  stub.person = {
    ...octocat,
    orgs: [{ login: 'xacme' }],
    teams: [{ slug: 'readers', organization: { login: 'other' } }],
  };
  t.is((await enter()).status, 200);
  for (const outside of [
    { orgs: [], teams: [] },
    { orgs: [{ login: 'acme-2' }], teams: [{ slug: 'acme', organization: { login: 'evil' } }] },
    { orgs: [{ login: 'other' }], teams: [] },
  ]) {
    stub.person = { ...octocat, ...outside };
    const { browser, status, text } = await enter();
    t.is(status, 403);
    t.true(text.includes('You were not signed in'));
    t.is(browser.gateway.token(), null);
  }
  t.deepEqual(reasons(), ['not-a-member', 'not-a-member', 'not-a-member']);
});

test('organizations on a later page count, and endless lists are refused', async (t) => {
  const many = Array.from({ length: 250 }, (_, index) => ({ login: `org-${String(index)}` }));
  const { enter, stub, reasons } = await startWorld(t, (stub) => githubAt(stub, { organizations: ['org-249'] }));
  stub.person = { ...octocat, orgs: many };
  t.is((await enter()).status, 200);
  t.is(stub.to(`${api}/user/orgs`).length, 3);
  stub.instead.set(`${api}/user/orgs`, json(many.slice(0, 100)));
  t.is((await enter()).status, 403);
  t.deepEqual(reasons(), ['too-many-groups']);
});

test('a later page is asked for at the same address, wherever Link points', async (t) => {
  const { enter, stub } = await startWorld(t, (stub) => githubAt(stub));
  stub.instead.set(
    `${api}/user/orgs`,
    json([{ login: 'acme' }], 200, { link: '<http://127.0.0.1:1/evil>; rel="next"' }),
  );
  t.is((await enter()).status, 200);
  t.is(stub.to(`${api}/user/orgs`).length, 1);
});

test('212: people are told apart by id: a login that somebody else had is refused, an e-mail address links nothing', async (t) => {
  const { enter, stub } = await startWorld(t, (stub) => ({ ...githubAt(stub), local: {} }));
  t.is((await enter()).status, 200);
  stub.person = { ...octocat, user: { ...octocat.user, id: 999 } };
  const refused = await enter();
  t.is(refused.status, 403);
  t.true(refused.text.includes('octocat'));
  // alice is a local user.
  stub.person = { ...octocat, user: { id: 5, login: 'alice' }, emails: [] };
  t.is((await enter()).status, 403);
});

const misbehaviours: readonly (readonly [string, (stub: OAuthStub) => void, RegExp, number])[] = [
  ['no id', (stub) => (stub.person = { ...octocat, user: { login: 'octocat' } }), /malformed-subject/, 403],
  [
    'an id that is text',
    (stub) => (stub.person = { ...octocat, user: { id: '1', login: 'x' } }),
    /malformed-subject/,
    403,
  ],
  [
    'an id past all counting',
    (stub) => (stub.person = { ...octocat, user: { id: 1e300, login: 'x' } }),
    /malformed-/,
    403,
  ],
  ['no login', (stub) => (stub.person = { ...octocat, user: { id: 1, login: '' } }), /malformed-subject/, 403],
  [
    'a login that is none',
    (stub) => (stub.person = { ...octocat, user: { id: 1, login: 'a,b\n' } }),
    /malformed-/,
    403,
  ],
  [
    'organizations that are no list',
    (stub) => stub.instead.set(`${api}/user/orgs`, json({ login: 'acme' })),
    /malformed/,
    403,
  ],
  [
    'a team without an organization',
    (stub) => (stub.person = { ...octocat, teams: [{ slug: 'x' }] }),
    /malformed/,
    403,
  ],
  [
    'no right to read teams',
    (stub) => stub.instead.set(`${api}/user/teams`, json({}, 403)),
    /github-answered-403/,
    403,
  ],
  [
    'an exhausted rate limit',
    (stub) => stub.instead.set(`${api}/user`, json({}, 403, { 'x-ratelimit-remaining': '0' })),
    /rate-limit/,
    503,
  ],
  ['an error of its own', (stub) => stub.instead.set(`${api}/user`, json({}, 500)), /provider-answered-500/, 503],
  [
    'no JSON',
    (stub) => stub.instead.set(`${api}/user`, (_, response) => void response.end('<html>')),
    /malformed/,
    403,
  ],
  [
    'a token that is refused at once',
    (stub) => stub.instead.set(`${api}/user`, json({}, 401)),
    /token-not-accepted/,
    403,
  ],
  [
    'a code that it does not know',
    (stub) => stub.instead.set('/login/oauth/access_token', json({ error: 'bad_verification_code' })),
    /bad-verification-code/,
    403,
  ],
  [
    'an error that is no word',
    (stub) => stub.instead.set('/login/oauth/access_token', json({ error: '<script>' })),
    /provider-error/,
    403,
  ],
  [
    'a token with a line end',
    (stub) => stub.instead.set('/login/oauth/access_token', json({ access_token: 'a\r\nX: y', token_type: 'bearer' })),
    /malformed-answer/,
    403,
  ],
  [
    'a token of another type',
    (stub) => stub.instead.set('/login/oauth/access_token', json({ access_token: 'abc', token_type: 'mac' })),
    /unknown-token-type/,
    403,
  ],
  [
    'two megabytes',
    (stub) => stub.instead.set(`${api}/user`, (_, response) => void response.end(`"${'x'.repeat(2 << 20)}"`)),
    /provider-unreachable/,
    503,
  ],
  [
    'a connection that breaks',
    (stub) => stub.instead.set('/login/oauth/access_token', (_, response) => void response.destroy()),
    /provider-unreachable/,
    503,
  ],
];
for (const [what, misbehave, reason, status] of misbehaviours)
  test(`a GitHub with ${what} signs nobody in`, async (t) => {
    const { enter, stub, reasons, upstream } = await startWorld(t, (stub) => githubAt(stub));
    misbehave(stub);
    const page = await enter();
    t.is(page.status, status);
    t.is(page.browser.gateway.token(), null);
    t.regex(reasons().join(), reason);
    t.is(upstream.requests.length, 0);
  });

test('216: a redirect of the token address or the API is not followed', async (t) => {
  const { enter, stub } = await startWorld(t, (stub) => githubAt(stub));
  const away: StubAnswer = (_, response) => {
    response.writeHead(307, { location: '/elsewhere' });
    response.end();
  };
  for (const path of ['/login/oauth/access_token', `${api}/user`]) {
    stub.instead.clear();
    stub.instead.set(path, away);
    t.is((await enter()).status, 403, path);
  }
  t.is(stub.to('/elsewhere').length, 0);
});

test('194–196, 217, 218: callbacks with another state, twice, from another browser, or with an error beside are refused', async (t) => {
  const { browser, stub, reasons } = await startWorld(t, (stub) => githubAt(stub));
  const visit = browser();
  const { next } = await visit.open('/_auth/sign-in/github', (url) => url.pathname === '/_auth/callback/github');
  const callback = next!.pathname + next!.search;
  const stateless = callback.replace(/state=[^&]*/, 'state=AAAA');
  for (const path of [stateless, `${callback}&code=other`, `${callback}&state=x`])
    t.is((await visit.gateway.navigate(path)).status, 400, path);
  t.is((await browser().gateway.navigate(callback)).status, 400, 'another browser');
  t.is((await visit.gateway.navigate(`${callback}&error=access_denied`)).status, 403, 'code and error');
  t.is((await visit.gateway.navigate(callback)).status, 400, 'used up');
  t.is(stub.to('/login/oauth/access_token').length, 0, 'no code was redeemed');

  stub.instead.set('/login/oauth/authorize', (request, response) => {
    const { searchParams } = new URL(request.url ?? '', stub.origin);
    const query = new URLSearchParams({ error: 'access_denied', state: searchParams.get('state') ?? '' });
    query.set('error_description', '<script>alert(1)</script>');
    response.writeHead(302, { location: `${searchParams.get('redirect_uri') ?? ''}?${query.toString()}` });
    response.end();
  });
  const denied = await browser().open('/_auth/sign-in/github');
  t.is(denied.reply.status, 403);
  t.false(denied.reply.text.includes('alert(1)'));
  t.is(denied.reply.headers['cache-control'], 'no-store');
  t.is(reasons().at(-1), 'access-denied');
});

test('219: what a visitor writes into the address of the button changes nothing at GitHub', async (t) => {
  const { browser, stub } = await startWorld(t, (stub) => githubAt(stub));
  await browser().open('/_auth/sign-in/github?scope=repo&client_id=evil&redirect_uri=https://evil.test&prompt=none');
  const [asked] = stub.to('/login/oauth/authorize');
  t.is(asked!.query.get('scope'), 'read:user user:email read:org');
  t.is(asked!.query.get('client_id'), 'gateway');
  t.is(asked!.query.get('redirect_uri'), 'https://app.test/_auth/callback/github');
  t.is(asked!.query.get('prompt'), null);
});

test('sessions follow GitHub: new teams come, old ones go, and without membership it is over', async (t) => {
  const { enter, stub, lastAtApp, advance, reasons } = await startWorld(t, (stub) =>
    githubAt(stub, { organizations: ['acme'], checkEvery: '5m' }),
  );
  const { browser } = await enter();
  stub.person = { ...octocat, teams: [{ slug: 'admins', organization: { login: 'acme' } }] };
  await browser.gateway.navigate('/x');
  t.is(lastAtApp()['remote-groups'], 'acme,acme/editors');
  advance(5 * 60_000 + 1);
  t.is((await browser.gateway.navigate('/x')).status, 200);
  t.is(lastAtApp()['remote-groups'], 'acme,acme/admins');

  stub.person = { ...octocat, orgs: [], teams: [] };
  advance(5 * 60_000 + 1);
  t.is((await browser.gateway.navigate('/x')).status, 302);
  t.deepEqual(reasons(), ['not-a-member']);
});

test('a revoked token ends the session, an unreachable GitHub does not at once', async (t) => {
  const { enter, stub, advance, reasons } = await startWorld(t, (stub) => githubAt(stub, { checkEvery: '5m' }));
  const { browser } = await enter();
  for (const path of ['/user', '/user/emails', '/user/orgs', '/user/teams'])
    stub.instead.set(api + path, (_, response) => void response.destroy());
  advance(5 * 60_000 + 1);
  t.is((await browser.gateway.navigate('/x')).status, 200);
  const page = await browser.gateway.navigate('/_auth/sign-in?choose=1');
  t.true(page.text.includes('GitHub is not answering at the moment'));
  stub.instead.clear();
  stub.revokeAll();
  advance(2 * 60_000);
  t.is((await browser.gateway.navigate('/x')).status, 302);
  t.deepEqual(reasons(), ['token-not-accepted']);
});

test('another person behind the same token ends the session', async (t) => {
  const { enter, stub, advance, reasons } = await startWorld(t, (stub) => githubAt(stub));
  const { browser } = await enter();
  stub.person = { ...octocat, user: { ...octocat.user, id: 4 } };
  advance(16 * 60_000);
  t.is((await browser.gateway.navigate('/x')).status, 302);
  t.deepEqual(reasons(), ['subject-changed']);
});

test('the access token goes to an app whose route says so, and to no other', async (t) => {
  const { enter, lastAtApp } = await startWorld(t, (stub) => githubAt(stub), {
    routes: [
      { id: 'app', host: 'app.test', path: '/' },
      { id: 'ci', host: 'app.test', path: '/ci', identity: { accessToken: 'x-forwarded-access-token' } },
    ],
  });
  const { browser } = await enter();
  t.false('x-forwarded-access-token' in lastAtApp());
  await browser.gateway.navigate('/ci/x');
  t.regex(lastAtApp()['x-forwarded-access-token'] ?? '', /^gho_/);
});
