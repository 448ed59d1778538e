import test from 'ava';
import fc from 'fast-check';
import type { Authenticated, Authentication } from '../../src/authentication/authenticator.ts';
import { createGate, type Decision } from '../../src/gate.ts';
import { createRouteTable } from '../../src/route/table.ts';
import { identity } from './policy/support.ts';
import { factsOf, message, reader, refusalOf, type MessageParts } from './request/support.ts';
import { routesOf, type RouteInput } from './route/support.ts';

const alice = visitor();

function visitor(groups: readonly string[] = []): Authenticated {
  return {
    kind: 'authenticated',
    identity: identity({ groups }),
    session: null,
    consumesAuthorization: false,
    secondFactor: false,
    authenticatedAtMs: 0,
  };
}

function never(): never {
  throw new Error('nobody asked for the visitor');
}

/** What the gate says of a request, and to whom. */
function decide(
  inputs: readonly RouteInput[],
  parts: MessageParts,
  answer: Authentication | (() => Authentication),
): Decision {
  const gate = createGate({
    routes: createRouteTable(routesOf(inputs)),
    authenticate: typeof answer === 'function' ? answer : () => answer,
    now: () => 10_000,
  });
  const decision = gate(factsOf(parts));
  if (decision instanceof Promise) throw new Error('the gate waits though its authenticator does not');
  return decision;
}

const nobody: Authentication = { kind: 'none' };

test('lets anyone in where a rule says so, without asking who it is', (t) => {
  const decision = decide([{ access: 'public' }], {}, never);
  t.is(decision.kind, 'forward');
  t.like(decision, { visitor: null, reason: 'allowed-anyone', rule: 0 });
});

test('has no route for what nobody serves', (t) => {
  t.deepEqual(decide([{ host: 'other.test' }], {}, never), { kind: 'no-route', reason: 'no-route' });
});

test('challenges the unknown, and lets the known in', (t) => {
  const routes: readonly RouteInput[] = [{ access: 'signed-in' }];
  t.like(decide(routes, {}, nobody), { kind: 'challenge', rejected: null, reason: 'not-signed-in' });
  const rejected: Authentication = {
    kind: 'rejected',
    reason: 'session-over',
    clearSessionCookie: true,
    retryAfterSeconds: null,
  };
  t.like(decide(routes, {}, rejected), { kind: 'challenge', rejected, reason: 'not-signed-in' });
  t.like(decide(routes, {}, alice), { kind: 'forward', visitor: alice, reason: 'allowed' });
});

test('denies whom no rule allows, known or not', (t) => {
  const routes: readonly RouteInput[] = [{ access: [{ allow: { groups: 'admins' }, when: { methods: 'GET' } }] }];
  t.like(decide(routes, {}, alice), { kind: 'deny', visitor: alice, reason: 'denied' });
  t.like(decide(routes, { method: 'POST' }, never), { kind: 'deny', visitor: null, reason: 'denied' });
});

test('asks for the step that is missing', (t) => {
  t.like(decide([{ access: 'second-factor' }], {}, alice), {
    kind: 'step-up',
    step: 'second-factor',
    reason: 'second-factor-required',
  });
  const recent: RouteInput = { access: [{ allow: 'signed-in', require: { signedInWithin: '5s' } }] };
  t.like(decide([recent], {}, alice), { kind: 'step-up', step: 'recent-sign-in', reason: 'recent-sign-in-required' });
  t.like(decide([{ access: 'second-factor' }], {}, nobody), { kind: 'challenge' });
});

test('refuses an encoded slash where the app does not ask for it', (t) => {
  t.like(decide([{ access: 'public' }], { url: '/a%2fb' }, never), {
    kind: 'refuse',
    status: 400,
    reason: 'encoded-slash',
  });
  t.is(decide([{ access: 'public', encodedSlashes: true }], { url: '/a%2fb' }, never).kind, 'forward');
});

test('refuses slashes that would stand first once the prefix is taken away', (t) => {
  const stripped: RouteInput = { path: '/app', access: 'public', stripPath: true };
  for (const url of ['/app//admin', '/app///admin', '/app//', '/%61pp//x'])
    t.like(decide([stripped], { url }, never), { kind: 'refuse', reason: 'double-slash-behind-prefix' }, url);
  t.is(decide([stripped], { url: '/app/a//b' }, never).kind, 'forward');
  t.is(decide([{ path: '/app', access: 'public' }], { url: '/app//admin' }, never).kind, 'forward');
});

test('answers at once when the authenticator does, and later when it has to wait', async (t) => {
  const routes = createRouteTable(routesOf([{}]));
  const gate = createGate({ routes, authenticate: () => Promise.resolve(alice), now: () => 0 });
  const decision = gate(factsOf());
  t.true(decision instanceof Promise);
  t.is((await decision).kind, 'forward');
});

test('opens nothing when something breaks on the way', async (t) => {
  const routes = createRouteTable(routesOf([{}]));
  const throwing = createGate({ routes, authenticate: never, now: () => 0 });
  t.throws(() => throwing(factsOf()));
  const rejecting = createGate({ routes, authenticate: () => Promise.reject(new Error('store')), now: () => 0 });
  await t.throwsAsync(async () => rejecting(factsOf()));
});

const guarded: readonly RouteInput[] = [
  { id: 'app', access: [{ deny: 'anyone', when: { paths: ['/admin/**'] } }, { allow: 'anyone' }] },
];

test('lets no spelling of a path past a rule', (t) => {
  for (const url of [
    '/admin',
    '/admin/',
    '/%61dmin',
    '/ADMIN',
    '/admin;x=1',
    '/admin%3bx/y',

    '/admin//x',
    '/Admin/x',
    '/%2561dmin',
    '/admin%23',
    '/adm%69n%3f',
  ])
    t.is(decide(guarded, { url }, never).kind, 'deny', url);
  for (const url of ['/', '/x', '/administration', '/x/admin', '/x?/admin'])
    t.is(decide(guarded, { url }, never).kind, 'forward', url);
});

test('lets no spelling of a path past the rules of another route', (t) => {
  const routes: readonly RouteInput[] = [
    { id: 'public', access: 'public' },
    { id: 'admin', path: '/Admin', access: [{ allow: { groups: 'admins' } }] },
    { id: 'app', path: '/app/private', access: [{ deny: 'anyone' }] },
  ];
  for (const url of ['/Admin', '/admin', '/ADMIN/x', '/Admin;x', '/%2541dmin'])
    t.is(decide(routes, { url }, alice).kind, 'deny', url);
  t.is(decide(routes, { url: '/admin' }, nobody).kind, 'challenge');
  t.is(decide(routes, { url: '/admin' }, visitor(['admins'])).kind, 'forward');
  for (const url of ['/app//private', '/app/private;x', '/app/;y/private/x', '/APP/private'])
    t.is(decide(routes, { url }, never).kind, 'deny', url);
  t.is(decide(routes, { url: '/app/privatex' }, never).kind, 'forward');
});

test('lets the plain reading choose the route and the rule', (t) => {
  const routes: readonly RouteInput[] = [
    { id: 'a', path: '/a', access: [{ allow: 'anyone', when: { paths: '/a/**' } }] },
    { id: 'b', path: '/b' },
  ];
  t.like(decide(routes, { url: '/a//b' }, never), { kind: 'forward', rule: 0, reason: 'allowed-anyone' });
  t.is(
    decide(
      [
        { id: 'deep', path: '/a/b' },
        { id: 'a', path: '/a', access: 'public' },
      ],
      { url: '/a//b' },
      nobody,
    ).kind,
    'challenge',
  );
});

test('has no route when one reading would have none', (t) => {
  // The merged reading lies outside the only route.
  const routes: readonly RouteInput[] = [{ id: 'a', path: '/a;v=1', access: 'public' }];
  t.is(decide(routes, { url: '/a;v=1/x' }, never).kind, 'no-route');
});

test('tells known from unknown where one reading lets anyone in and another does not', (t) => {
  const access: RouteInput['access'] = [{ allow: 'anyone', when: { paths: '/static/*' } }, { allow: 'signed-in' }];
  t.is(decide([{ access }], { url: '/static/a' }, never).kind, 'forward');
  t.is(decide([{ access }], { url: '/static/a;/x' }, nobody).kind, 'challenge');
  t.like(decide([{ access }], { url: '/STATIC/a' }, alice), { kind: 'forward', visitor: alice, reason: 'allowed' });
});

test('judges no query', (t) => {
  const access: RouteInput['access'] = [{ allow: 'anyone', when: { paths: '/public/**' } }];
  for (const url of ['/private/x?a=/public/', '/private?/public/x', '/private%3f/public/'])
    t.is(decide([{ access }], { url }, nobody).kind, 'deny', url);
});

test('gives no decision without a reason, and lets nobody unknown in but by a rule for anyone', (t) => {
  const fragment = fc.constantFrom('/', 'a', 'A', 'b', ';', '%2f', '%61', '%23', '//', '%2541', 'x', '.');
  const url = fc.array(fragment, { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
  const paths = fc.constantFrom('/**', '/a/**', '/A/*', '/a/b', '/*');
  const who = fc.constantFrom<'anyone' | 'signed-in' | { groups: string }>('anyone', 'signed-in', { groups: 'g' });
  const rule = fc.oneof(
    fc.record({ allow: who, when: fc.record({ paths }) }),
    fc.record({ deny: who, when: fc.record({ paths }) }),
  );
  const route = fc.record({
    path: fc.constantFrom('/', '/a', '/A', '/a/b'),
    access: fc.array(rule, { minLength: 1, maxLength: 3 }),
  });
  const routes = fc.uniqueArray(route, { selector: ({ path }) => path, minLength: 1, maxLength: 4 });
  const answers = fc.constantFrom<Authentication>(nobody, alice, visitor(['g']));
  const read = reader();
  fc.assert(
    fc.property(routes, url, answers, (inputs, target, answer) => {
      const facts = read(message({ url: target }));
      if (facts.kind === 'unreadable') return;
      const table = createRouteTable(routesOf(inputs.map((input, index) => ({ ...input, id: `r${index}` }))));
      const decision = createGate({ routes: table, authenticate: () => answer, now: () => 0 })(facts.facts);
      if (decision instanceof Promise) throw new Error('waits');
      t.regex(decision.reason, /^[a-z]+(-[a-z]+)*$/);
      if (decision.kind !== 'forward') return;
      t.is(decision.route.id, table.find(facts.facts.host, facts.facts.path)?.id ?? 'none');
      t.is(decision.reason === 'allowed-anyone', decision.visitor === null);
      const question = {
        path: facts.facts.path,
        method: 'GET',
        host: 'app.test',
        clientAddress: '',
        nowMs: 0,
        ignoreCase: false,
      };
      t.is(decision.route.policy.evaluate(question, decision.visitor).kind, 'allow');
    }),
    { numRuns: 1_000 },
  );
});

test('a COPY or MOVE must be allowed where it writes as well as where it reads', (t) => {
  const rules: RouteInput = {
    access: [{ deny: 'anyone', when: { paths: ['/admin/**'] } }, { allow: 'anyone' }],
  };
  const move = (destination: string, method = 'MOVE') =>
    decide([rules], { method, url: '/public/a', lines: ['Host: app.test', `Destination: ${destination}`] }, never).kind;
  t.is(move('https://app.test/public/b'), 'forward');
  for (const admin of ['/admin/b', 'https://app.test/admin/b', 'http://other.test:9/admin/b', '/ADMIN/b', '/%61dmin/b'])
    for (const method of ['COPY', 'MOVE']) t.is(move(admin, method), 'deny', admin);
  t.is(move('https://app.test/public/b?to=/admin/b'), 'forward');
});

test('a COPY or MOVE whose Destination can be read in two ways is refused', (t) => {
  for (const destination of [
    'admin/b',
    '/public/../admin/b',
    'https://app.test\\admin',
    'ftp://app.test/b',
    '//evil.test/b',
  ])
    t.is(
      refusalOf({ method: 'MOVE', lines: ['Host: app.test', `Destination: ${destination}`] }),
      '400 bad-destination',
    );
});
