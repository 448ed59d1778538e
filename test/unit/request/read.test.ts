import test from 'ava';
import fc from 'fast-check';
import { factsOf, message, reader, refusalOf } from './support.ts';

const host = 'Host: app.test';

test('reads a plain request', (t) => {
  const facts = factsOf({ url: '/a/b?c=%zz&d', lines: [host, 'Accept: */*', 'X-Two: 1', 'x-two: 2'] });
  t.is(facts.method, 'GET');
  t.is(facts.scheme, 'https');
  t.is(facts.host, 'app.test');
  t.is(facts.port, 443);
  t.is(facts.origin, 'https://app.test');
  t.is(String(facts.path), '/a/b');
  t.is(facts.rawPath, '/a/b');
  t.is(facts.rawQuery, '?c=%zz&d');
  t.is(facts.header('accept'), '*/*');
  t.is(facts.header('x-two'), '1');
  t.is(facts.header('x-three'), undefined);
  t.is(facts.header('__proto__'), undefined);
  t.deepEqual(facts.headers.at(-1), ['x-two', '2']);
  t.is(facts.clientAddress, '192.0.2.7');
  t.false(facts.fromTrustedProxy);
  t.deepEqual(facts.forwardedFor, []);
  t.deepEqual(facts.upgrade, []);
  t.false(facts.hasBody);
  t.is(facts.receivedAtMs, 1_000);
});

test('refuses HTTP versions other than 1.0 and 1.1, and the one that is not written', (t) => {
  for (const httpVersion of ['0.9', '2.0', '9.9', '1.2', '']) t.is(refusalOf({ httpVersion }), '505 http-version');
  t.is(refusalOf({ httpVersion: '1.0' }), 'fine');
});

test('refuses CONNECT and TRACE', (t) => {
  for (const method of ['CONNECT', 'TRACE']) t.is(refusalOf({ method }), '405 method-not-allowed');
  t.is(refusalOf({ method: 'PROPFIND' }), 'fine');
  t.is(refusalOf({ method: 'get' }), 'fine');
  for (const method of ['', 'GE T', 'G\u00e4T']) t.is(refusalOf({ method }), '400 bad-method');
});

test('refuses a missing, empty or repeated Host', (t) => {
  t.is(refusalOf({ lines: [] }), '400 missing-host');
  t.is(refusalOf({ lines: ['Host: '] }), '400 empty-host');
  t.is(refusalOf({ lines: [host, host] }), '400 duplicate-host');
  t.is(refusalOf({ lines: [], httpVersion: '1.0' }), '400 missing-host');
});

test('refuses a second line of headers that servers read differently', (t) => {
  for (const name of ['Authorization', 'Content-Type', 'Origin', 'Destination', 'Sec-Fetch-Mode', 'Sec-WebSocket-Key'])
    t.is(refusalOf({ lines: [host, `${name}: a`, `${name.toUpperCase()}: a`] }), `400 duplicate-${name.toLowerCase()}`);
});

test('refuses more than 200 header lines, and more than 16 KiB of them', (t) => {
  const filler = (count: number): string[] => Array.from({ length: count }, () => 'a: ');
  t.is(refusalOf({ lines: [host, ...filler(199)] }), 'fine');
  t.is(refusalOf({ lines: [host, ...filler(200)] }), '431 too-many-headers');
  t.is(refusalOf({ lines: [...filler(1_000), host] }), '431 too-many-headers');
  t.is(refusalOf({ lines: [host, `Cookie: ${'x'.repeat(15_000)}`] }), 'fine');
  t.is(refusalOf({ lines: [host, `Cookie: ${'x'.repeat(16_384)}`] }), '431 headers-too-large');
});

test('refuses header names that are no tokens and values with control characters', (t) => {
  const names = ['Remote-User ', ' Remote-User', 'Remote-User\x0b', 'Remote-User\x85', '\xefRemote-User', '', 'a:b'];
  for (const name of names) t.is(refusalOf({ lines: [host, `${name}: x`] }), '400 bad-header-name', name);
  for (const value of ['\0', 'a\nb', 'a\rb', '\x7f', 'a\x01', '\u0100'])
    t.is(refusalOf({ lines: [host, `X: ${value}`] }), '400 bad-header-value', JSON.stringify(value));
  t.is(refusalOf({ lines: [host, 'X: a\tb \xe9'] }), 'fine');
});

test('takes names of object properties for ordinary headers', (t) => {
  for (const name of ['__proto__', 'constructor', 'hasOwnProperty', 'toString']) {
    t.is(factsOf({ lines: [host, `${name}: x`] }).header(name.toLowerCase()), 'x');
    t.is(factsOf().header(name), undefined);
  }
});

test('frames a body in one way only', (t) => {
  const refusal = (...lines: string[]): string => refusalOf({ method: 'POST', lines: [host, ...lines] });
  t.is(refusal('Content-Length: 5', 'Transfer-Encoding: chunked'), '400 length-and-encoding');
  t.is(refusal('transfer-encoding: chunked', 'content-length: 5'), '400 length-and-encoding');
  t.is(refusal('Content-Length: 5', 'Content-Length: 5'), '400 duplicate-content-length');
  for (const length of [
    '+5',
    '-1',
    '0x5',
    '5 5',
    '5\t5',
    '',
    '1e1',
    '5_0',
    '18446744073709551616',
    '\xa05',
    '5, 5',
    '05',
  ])
    t.is(refusal(`Content-Length: ${length}`), '400 bad-content-length', length);
  for (const encoding of [
    'chunked, identity',
    'identity',
    'chunked, chunked',
    ',chunked',
    '"chunked"',
    'xchunked',
    'gzip',
  ])
    t.is(refusal(`Transfer-Encoding: ${encoding}`), '400 bad-transfer-encoding', encoding);
  t.is(refusal('Transfer-Encoding: chunked;q=1'), '400 bad-transfer-encoding');
  t.is(refusal('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), '400 duplicate-transfer-encoding');
  t.is(
    refusalOf({ method: 'POST', httpVersion: '1.0', lines: [host, 'Transfer-Encoding: chunked'] }),
    '400 encoding-on-http-1.0',
  );
  t.true(factsOf({ lines: [host, 'Content-Length: 5'] }).hasBody);
  t.true(factsOf({ lines: [host, 'Transfer-Encoding: Chunked'] }).hasBody);
  t.false(factsOf({ lines: [host, 'Content-Length: 0'] }).hasBody);
});

test('knows one expectation', (t) => {
  t.true(factsOf({ lines: [host, 'Expect: 100-Continue'] }).expectsContinue);
  t.false(factsOf({ httpVersion: '1.0', lines: [host, 'Expect: 100-continue'] }).expectsContinue);
  t.false(factsOf().expectsContinue);
  for (const lines of [
    ['Expect: foo'],
    ['Expect: y 100-continue'],
    ['Expect: '],
    ['Expect: 100-continue', 'Expect: 100-continue'],
  ])
    t.is(refusalOf({ lines: [host, ...lines] }), '417 bad-expect');
});

test('takes an absolute target only for the place that Host names', (t) => {
  const facts = factsOf({ url: 'http://APP.test:80/x?y' });
  t.is(facts.rawPath, '/x');
  t.is(facts.rawQuery, '?y');
  t.is(factsOf({ url: 'https://app.test' }).rawPath, '/');
  t.is(factsOf({ url: 'https://app.test?q' }).rawQuery, '?q');
  for (const url of ['http://other.test/admin/', 'http://app.test:81/', 'http://app.test.evil.test/'])
    t.is(refusalOf({ url }), '400 target-differs-from-host', url);
  for (const url of [
    'http://[',
    'http://a:b@h:99999/',
    'http://%zz/',
    'ftp://app.test/',
    'http:/x',
    'app.test:443',
    '',
    'x',
  ])
    t.is(refusalOf({ url }), '400 bad-target', url);
  for (const method of ['OPTIONS', 'GET']) t.is(refusalOf({ method, url: '*' }), '400 asterisk-target');
});

test('refuses blanks, control characters and fragments in a target, and a target past 8 KiB', (t) => {
  for (const url of ['/a b', '/a\0', '/a?\x7f', '/a?b\tc', '/\u0100']) t.is(refusalOf({ url }), '400 bad-target', url);
  for (const url of ['/private/x#/public/', '/x?y#z']) t.is(refusalOf({ url }), '400 fragment-in-path', url);
  t.is(refusalOf({ url: `/${'a'.repeat(8_191)}` }), 'fine');
  t.is(refusalOf({ url: `/${'a'.repeat(8_192)}` }), '414 target-too-long');
});

test('finds the session cookie by its exact name in every Cookie line', (t) => {
  const tokens = (...lines: string[]) =>
    factsOf({ lines: [host, ...lines.map((line) => `Cookie: ${line}`)] }).sessionTokens;
  const name = '__Host-sallyport';
  t.deepEqual(tokens(`a=1; ${name}=SID; b=2`), ['SID']);
  t.deepEqual(tokens(`${name}=A; ${name}=B`), ['A', 'B']);
  t.deepEqual(tokens(`${name}=A`, `x=y; ${name}=B`), ['A', 'B']);
  t.deepEqual(tokens(`${name}=`), ['']);
  t.deepEqual(tokens(`${name}="q"`), ['"q"']);
  for (const odd of [
    `\xe2\x80\x80${name}=x`,
    `a=1;  ${name}=x`,
    `=${name}=x`,
    `${name.toUpperCase()}=x`,
    `${name} =x`,
    `x${name}=x`,
    `${name}2=x`,
    `a=b ${name}=x`,
    name,
  ])
    t.deepEqual(tokens(odd), [], odd);
});

test('never throws, and never refuses without a reason, whatever the message holds', (t) => {
  const read = reader();
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('Host', 'app.test', 'Upgrade', 'websocket', 'Connection', 'X-Forwarded-For', 'Cookie', 'Expect'),
  );
  const url = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.webPath(),
    fc.constantFrom('http://[', '*', '//', 'http://a:b@c'),
  );
  fc.assert(
    fc.property(
      fc.record({ url, method: piece, raw: fc.array(piece), version: fc.constantFrom('1.1', '1.0', '0.9') }),
      ({ url, method, raw, version }) => {
        const request = message({ url, method, httpVersion: version, remoteAddress: '10.0.0.1' });
        const result = read({ ...request, rawHeaders: ['Host', 'app.test', ...raw] });
        return result.kind === 'facts'
          ? result.facts.path.startsWith('/')
          : /^[a-z0-9.-]+$/.test(result.unreadable.reason);
      },
    ),
  );
  t.pass();
});
