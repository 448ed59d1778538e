import test from 'ava';
import fc from 'fast-check';
import { compileHeaderSet } from '../../../src/identity/header-sets.ts';
import { createReservedHeaders } from '../../../src/identity/headers.ts';
import type { CanonicalPath, RawHeader, RequestFacts } from '../../../src/request/facts.ts';
import { createRequestHeaders } from '../../../src/upstream/request-headers.ts';
import type { UpstreamRequest } from '../../../src/upstream/request-headers.ts';
import { alice, isOwnCookie, routeTo, visitorOf } from '../../integration/upstream/support.ts';

const headerSet = compileHeaderSet(['remote', 'forwarded']);
const writeFor = createRequestHeaders({
  reserved: createReservedHeaders([headerSet]),
  isOwnCookie,
  isOwnCredential: (value) => value.startsWith('Bearer ours'),
});
const route = routeTo('http://up.test', { headers: headerSet });
const write = (request: UpstreamRequest, protocol: string | null): string[] =>
  writeFor(request, route.upstream.targets[0], protocol);

function factsWith(headers: readonly RawHeader[]): RequestFacts {
  return {
    id: 'request-1',
    receivedAtMs: 0,
    method: 'GET',
    scheme: 'https',
    host: 'app.test',
    port: 443,
    authority: 'app.test',
    origin: 'https://app.test',
    path: '/' as CanonicalPath,
    otherReadings: [],
    hasEncodedSlash: false,
    rawPath: '/',
    rawQuery: '',
    headers,
    header: (name) => headers.find(([given]) => given.toLowerCase() === name)?.[1],
    clientAddress: '127.0.0.1',
    peerAddress: '127.0.0.1',
    fromTrustedProxy: false,
    forwardedFor: [],
    clientCertificate: null,
    sessionTokens: [],
    upgrade: [],
    hasBody: false,
    expectsContinue: false,
  };
}

function pairsOf(flat: readonly string[]): RawHeader[] {
  return Array.from({ length: flat.length / 2 }, (_, index) => [flat[index * 2]!, flat[index * 2 + 1]!]);
}

const tokenCharacter = fc.constantFrom(..."abcXYZ019-_.!#$%&'*+^`|~");
const ordinaryName = fc.string({ unit: tokenCharacter, minLength: 1, maxLength: 12 }).map((name) => `q${name}`);
const forgedName = fc
  .tuple(
    fc.constantFrom('remote-user', 'remote-groups', 'x-forwarded-user', 'x-forwarded-for', 'sallyport-jwt-assertion'),
    fc.array(fc.constantFrom('-', '_', '.', '--', '_-'), { minLength: 3, maxLength: 3 }),
    fc.infiniteStream(fc.boolean()),
  )
  .map(([name, separators, upper]) => {
    let gap = 0;
    const spelt = name.replace(/-/g, () => separators[gap++ % 3] ?? '-');
    return [...spelt].map((letter) => (upper.next().value === true ? letter.toUpperCase() : letter)).join('');
  });
const value = fc.string({ unit: fc.constantFrom('a', 'B', '1', ' ', ';', '=', '"', '\xe9', ','), maxLength: 20 });

test('lets no identity header of a visitor through, in no spelling, wherever it stands', (t) => {
  const header = fc.oneof(
    fc.tuple(forgedName, fc.constant('forged')),
    fc.tuple(ordinaryName, value),
    fc.tuple(
      fc.constantFrom('Connection', 'connection'),
      fc.constantFrom('Remote-User', 'close, x-forwarded-for', 'Host'),
    ),
  );
  fc.assert(
    fc.property(fc.array(header, { maxLength: 12 }), fc.boolean(), fc.boolean(), (headers, known, upgrades) => {
      const visitor = known ? visitorOf(alice) : null;
      const written = pairsOf(write({ facts: factsWith(headers), route, visitor }, upgrades ? 'websocket' : null));
      t.false(written.some(([, text]) => text === 'forged'));
      const users = written.filter(([name]) => name.toLowerCase() === 'remote-user');
      t.deepEqual(users, known ? [['Remote-User', 'alice']] : []);
      t.is(written.filter(([name]) => name.toLowerCase() === 'x-forwarded-for').length, 1);
      t.deepEqual(written[0], ['Host', 'app.test']);
    }),
  );
});

test('leaves every ordinary header as it was, in order', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(ordinaryName, value), { maxLength: 20 }), (headers) => {
      const written = pairsOf(write({ facts: factsWith(headers), route, visitor: null }, null));
      t.deepEqual(written.slice(1, 1 + headers.length), headers);
    }),
  );
});

test('cuts our cookies and leaves the neighbours byte for byte', (t) => {
  const pair = fc.tuple(fc.constantFrom('a', 'gw2', 'xgw', 'session', 'gw-x', '__Host-app'), value).map(
    // A `;` would make two cookies of it.
    ([name, text]) => `${name}=${text.replaceAll(';', '')}`,
  );
  const ours = fc.constantFrom('gw=SID', '__Host-gw=SID', 'GW=SID', 'gw-form=SID', 'gw.0=SID', 'gw=', '"gw"=SID');
  fc.assert(
    fc.property(fc.array(fc.oneof(pair, ours), { minLength: 1, maxLength: 8 }), (pairs) => {
      const written = pairsOf(write({ facts: factsWith([['Cookie', pairs.join('; ')]]), route, visitor: null }, null));
      const cookies = written.filter(([name]) => name === 'Cookie').map(([, text]) => text);
      const others = pairs.filter((text) => !/^"?(__host-)?gw(-form|\.\d+)?"?=/i.test(text));
      t.deepEqual(cookies, others.length === 0 ? [] : [others.join('; ')]);
    }),
  );
});
