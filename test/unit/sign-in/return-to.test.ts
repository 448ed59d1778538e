import fc from 'fast-check';
import test from 'ava';
import { addFragment, createNamedHosts, createReturnTo } from '../../../src/sign-in/return-to.ts';
import { makeFacts } from '../../support/facts.ts';
import { accepted, refused } from './return-to-corpus.ts';

const routes = [{ host: 'app.test' }, { host: 'other.test' }, { host: '*.example.test' }, { host: null }];
const returnTo = createReturnTo({
  publicUrl: 'https://app.test',
  authPath: '/_auth',
  servesHost: createNamedHosts(routes),
});
const facts = makeFacts();

test('gives back byte for byte what leads to our own hosts', (t) => {
  for (const address of accepted) t.is(returnTo.check(address, facts), address, address);
});

test('drops what leads elsewhere, or could be read as doing so', (t) => {
  for (const address of refused) t.is(returnTo.check(address, facts), null, JSON.stringify(address));
  t.is(returnTo.check(undefined, facts), null);
});

test('drops what is longer than 2 KiB instead of cutting it', (t) => {
  t.is(returnTo.check(`/${'a'.repeat(2_047)}`, facts), `/${'a'.repeat(2_047)}`);
  t.is(returnTo.check(`/${'a'.repeat(2_048)}`, facts), null);
  t.is(returnTo.check(`/private/${'a'.repeat(3_000)}`, facts), null);
});

test('a host that only a route for every host serves is not ours by its name', (t) => {
  const open = createReturnTo({
    publicUrl: 'http://localhost:8080',
    authPath: '/_auth',
    servesHost: createNamedHosts([{ host: null }]),
  });
  const here = makeFacts({ scheme: 'http', host: 'evil.test', port: 8080 });
  t.is(open.check('http://evil.test:8080/x', here), null);
  t.is(open.check('/x', here), '/x', 'a path stays on the host where the browser is');
  t.is(open.check('http://localhost:8080/x', here), 'http://localhost:8080/x');
  t.is(open.check('http://localhost/x', here), null);
});

test('other hosts of ours count on the scheme and port of publicUrl only', (t) => {
  const ported = createReturnTo({
    publicUrl: 'https://app.test:8443',
    authPath: '/_auth',
    servesHost: createNamedHosts(routes),
  });
  const here = makeFacts({ port: 8443 });
  t.is(ported.check('https://other.test:8443/', here), 'https://other.test:8443/');
  for (const address of [
    'https://other.test/',
    'http://other.test:8443/',
    'https://app.test/',
    'https://app.test:443/',
  ])
    t.is(ported.check(address, here), null, address);
});

test('whatever is accepted has an origin of ours, for a browser on any page of ours', (t) => {
  const ours = /^https:\/\/(app\.test|other\.test|([a-z0-9-]+\.)+example\.test)$/;
  const piece = fc.constantFrom(
    ...[
      '/',
      '//',
      '\\',
      '@',
      ':',
      '?',
      '#',
      '.',
      '..',
      ';',
      '%',
      '%2f',
      '%5c',
      '%2e',
      '%0d',
      '\t',
      ' ',
      '&',
      '=',
      '[',
      ']',
    ],
    ...['http:', 'https:', 'https://', 'javascript:', 'data:', 'app.test', 'evil.test', 'other.test', 'a.example.test'],
    ...[
      'example.test',
      '_auth',
      'sign-out',
      'sign-in',
      ':443',
      ':8443',
      '127.0.0.1',
      '[::1]',
      'é',
      '\u3002',
      '\uff0f',
      'x',
    ],
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map((pieces) => `/${pieces.join('')}`),
    fc.array(piece, { maxLength: 8 }).map((pieces) => `https://${pieces.join('')}`),
    fc.webUrl({ withFragments: true, withQueryParameters: true }),
  );
  let taken = 0;
  fc.assert(
    fc.property(text, (address) => {
      const checked = returnTo.check(address, facts);
      if (checked === null) return true;
      taken += 1;
      const url = new URL(checked, 'https://app.test/_auth/sign-in?x=1');
      const path = decodeURIComponent(url.pathname.replaceAll(/%(?![0-7])/g, '%25')).replaceAll(/\/+/g, '/');
      return checked === address && ours.test(url.origin) && !/^\/_auth\/sign-(in|out)/i.test(path);
    }),
    { numRuns: 5_000 },
  );
  t.true(taken > 100, `only ${taken} were accepted`);
});

test('adds the fragment that a script saw, and nothing else', (t) => {
  t.is(addFragment('/x?a=b', '#part-2'), '/x?a=b#part-2');
  t.is(addFragment('/x', '#/route?x=%20'), '/x#/route?x=%20');
  t.is(addFragment('/x#own', '#other'), '/x#own');
  for (const fragment of [
    undefined,
    '',
    '#',
    'part',
    '//evil.test',
    '#a b',
    '#a\r\nX: y',
    `#${'a'.repeat(2_000)}`,
    '#é',
  ])
    t.is(addFragment('/x', fragment), '/x', String(fragment));
});

test('knows the hosts that routes name', (t) => {
  const named = createNamedHosts(routes);
  for (const host of ['app.test', 'other.test', 'a.example.test', 'a.b.example.test']) t.true(named(host), host);
  for (const host of [
    '',
    'test',
    'example.test',
    '.example.test',
    'xexample.test',
    'evilapp.test',
    'app.test.evil.test',
  ])
    t.false(named(host), host);
});
