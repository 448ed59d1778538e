import test from 'ava';
import fc from 'fast-check';
import { createGrounds, declareAttacks, loadAttacks, startGround } from '../support/attack-runner.ts';
import { sendRaw, valuesOf } from '../support/raw.ts';
import { usersFile, type FixtureUser } from '../support/users.ts';
import { everyForwardingHeader, everyIdentityHeader } from './data/names.ts';

const grounds = createGrounds();
test.after.always(() => grounds.stop());

declareAttacks(await loadAttacks('a'), { grounds });

/** What the upstream is told about a user, or `refused` when the gateway will not start with such a user. */
async function toldAbout(
  user: string,
  person: FixtureUser,
): Promise<'refused' | readonly (readonly [string, string])[]> {
  const ground = await startGround('plain', { users: usersFile({ [user]: person }) }).catch(() => null);
  if (ground === null) return 'refused';
  try {
    const session = await ground.newSession(user).catch(() => null);
    if (session === null) return 'refused';
    const request = `GET /private/x HTTP/1.1\r\nHost: app.test\r\nCookie: ${session.cookie}\r\n\r\n`;
    for (let time = 0; time < 3; time += 1) {
      const { answers } = await sendRaw(ground.gateway.port, request);
      if (answers[0]?.status !== 200) throw new Error(`${answers[0]?.statusLine ?? 'no answer'}`);
    }
    if (ground.upstream.faults.length > 0) throw new Error(ground.upstream.faults.join());
    const told = ground.upstream.requests.map(({ headers }) => headers.filter(([name]) => /^remote-/i.test(name)));
    if (new Set(told.map((headers) => JSON.stringify(headers))).size !== 1)
      throw new Error('told differently each time');
    return told[0] ?? [];
  } finally {
    await ground.stop();
  }
}

test.serial('A14 claim-crlf: no name, e-mail or group of a user adds a header line', async (t) => {
  for (const hostile of [
    'a\r\nRemote-User: evil',
    'a\nb',
    'a\rb',
    'a\0b',
    'a\r\n\r\nGET /evil HTTP/1.1',
    '\x7f',
    'a\x85b',
  ]) {
    for (const person of [{ name: hostile }, { email: hostile }, { groups: [hostile] }]) {
      const told = await toldAbout('mallory', person);
      if (told === 'refused') continue;
      t.deepEqual(valuesOf({ headers: told }, 'remote-user'), ['mallory'], JSON.stringify(person));
      const names = told.map(([name]) => name.toLowerCase());
      t.is(new Set(names).size, names.length, JSON.stringify(person));
    }
  }
  t.pass();
});

test.serial('A15 claim-utf8: odd but honest text arrives as its UTF-8 bytes each time', async (t) => {
  const names = [
    'Zoë 田中 🔑',
    '"quoted" \\ name',
    '<script>alert(1)</script>',
    '${x} {{x}} {user} %s %00',
    "O'Brien; --",
    '{name}',
  ];
  for (const name of names) {
    const told = await toldAbout('zoe', { name, groups: ['Köche'] });
    t.not(told, 'refused', name);
    const headers = told as readonly (readonly [string, string])[];
    t.deepEqual(valuesOf({ headers }, 'remote-name'), [Buffer.from(name).toString('latin1')]);
    t.deepEqual(valuesOf({ headers }, 'remote-groups'), [Buffer.from('Köche').toString('latin1')]);
  }
});

test.serial('A15 claim-utf8: text that no header should hold is refused or told in one way', async (t) => {
  for (const text of ['\u202eevil', 'a\u2028b', '\u{10ffff}', 'x'.repeat(10_240), ' spaces ', '\u0000', '\u001b[31m']) {
    for (const person of [{ name: text }, { email: text }, { groups: [text] }]) {
      await t.notThrowsAsync(toldAbout('mallory', person), JSON.stringify(person).slice(0, 60));
    }
  }
});

test.serial('A16 claim-comma: a group with a comma is not two groups', async (t) => {
  const ground = await startGround('plain', {
    users: usersFile({ mallory: { groups: ['a,admins'] }, trent: { groups: ['users'] } }),
  }).catch(() => null);
  // Refusing the whole file is a sound answer.
  if (ground === null) {
    t.pass();
    return;
  }
  t.teardown(() => ground.stop());
  const session = await ground.newSession('mallory').catch(() => null);
  if (session === null) {
    t.pass();
    return;
  }
  const ask = (path: string) =>
    sendRaw(ground.gateway.port, `GET ${path} HTTP/1.1\r\nHost: app.test\r\nCookie: ${session.cookie}\r\n\r\n`);
  t.is((await ask('/admin/x')).answers[0]?.status, 403);
  t.is((await ask('/private/x')).answers[0]?.status, 200);
  const groups = valuesOf(ground.upstream.requests[0]!, 'remote-groups').flatMap((value) => value.split(','));
  t.false(groups.map((group) => group.trim()).includes('admins'));
});

const separator = fc.constantFrom('-', '_', '.', '--', '-_', '._', '_-');

/** A name by which some program would take a header for one of ours. */
const lookAlike = fc
  .tuple(
    fc.constantFrom(...everyIdentityHeader, ...everyForwardingHeader),
    fc.array(separator, { minLength: 6, maxLength: 6 }),
    fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
  )
  .map(([name, separators, upper]) => {
    let index = 0;
    const respelt = name.replace(/-/g, () => separators[index++ % separators.length]!);
    return [...respelt].map((letter, at) => (upper[at % 40] ? letter.toUpperCase() : letter.toLowerCase())).join('');
  });

test.serial('property: no identity header of a visitor ever arrives, however it is spelt', async (t) => {
  const ground = await grounds.get();
  const { cookie } = await ground.session('alice');
  const heads = fc.record({
    names: fc.array(lookAlike, { minLength: 1, maxLength: 12 }),
    signedIn: fc.boolean(),
    upgrade: fc.boolean(),
    inConnection: fc.boolean(),
    expect: fc.boolean(),
    blank: fc.constantFrom('', ' ', '\t', ' \t '),
  });
  await fc.assert(
    fc.asyncProperty(heads, async ({ names, signedIn, upgrade, inConnection, expect, blank }) => {
      const seen = ground.upstream.mark();
      const lines = [
        `GET ${signedIn ? '/private' : '/public'}/x HTTP/1.1`,
        'Host: app.test',
        ...(inConnection ? [`Connection: ${names.join(', ')}`] : []),
        ...names.map((name) => `${name}:${blank}evil${blank}`),
        ...(signedIn ? [`Cookie: ${cookie}`] : []),
        ...(expect && !upgrade ? ['Expect: 100-continue'] : []),
        ...(upgrade
          ? [
              'Connection: Upgrade',
              'Upgrade: websocket',
              'Sec-WebSocket-Version: 13',
              'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
            ]
          : []),
      ];
      const { answers } = await sendRaw(ground.gateway.port, `${lines.join('\r\n')}\r\n\r\n`);
      const [request, ...more] = seen.requests();
      if (request === undefined || more.length > 0)
        throw new Error(`${String(seen.requests().length)} requests, ${answers[0]?.statusLine ?? ''}`);
      if (/evil/i.test(seen.raw().toString('latin1'))) throw new Error('it arrived');
      const users = valuesOf(request, 'remote-user');
      if (String(users) !== (signedIn ? 'alice' : '')) throw new Error(`Remote-User ${users.join('|')}`);
    }),
    { numRuns: 400 },
  );
  t.pass();
});
