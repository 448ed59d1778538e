import test from 'ava';
import { loadConfig } from '../../../src/config/load.ts';

function faultsOf(route: string, before = ''): readonly string[] {
  const result = loadConfig({ file: '/nowhere/x.yaml', env: {}, text: `${before}routes: [${route}]\n` });
  return result.kind === 'ok' ? [] : result.faults.map(({ path, message }) => `${path}: ${message}`);
}

const up = "upstream: 'http://a'";

const faults: Readonly<Record<string, readonly string[]>> = {
  '{ path: /x }': ['routes[0]: is missing one of upstream, redirect and respond'],
  [`{ ${up}, redirect: /x }`]: [
    'routes[0].redirect: stands beside upstream; a route does one of these, so take one away',
  ],
  '{ path: /a, redirect: /b, respond: {} }': [
    'routes[0].respond: stands beside redirect; a route does one of these, so take one away',
  ],
  '{ redirect: //evil.test/x }': ['routes[0].redirect: is not a place to go to; write https://HOST/path or /path'],
  '{ redirect: "/\\\\evil.test" }': [
    'routes[0].redirect: is not a place to go to; write https://HOST/path or /path',
    'routes[0].redirect: holds a backslash, which some browsers read as /',
  ],
  '{ redirect: javascript:alert(1) }': [
    'routes[0].redirect: is not a place to go to; write https://HOST/path or /path',
  ],
  '{ redirect: https://me:pw@host/ }': [
    'routes[0].redirect: is not a place to go to; write https://HOST/path or /path',
  ],
  '{ redirect: "/a b" }': ['routes[0].redirect: holds a space or a character outside ASCII; write it percent-encoded'],
  '{ redirect: { to: "https://x.test/?a", keepPath: true } }': [
    'routes[0].redirect.to: holds a query or fragment, behind which no path can stand; take it or keepPath away',
  ],
  '{ redirect: { to: https://x.test, status: 200 } }': [
    'routes[0].redirect.status: must be 301, 302, 303, 307 or 308, but is a number',
  ],
  '{ path: /a, redirect: /a/b }': [
    'routes[0].redirect: leads back to this route, for ever; write a place that another route serves',
  ],
  '{ redirect: / }': [
    'routes[0].redirect: leads back to this route, for ever; write a place that another route serves',
  ],
  '{ respond: { status: 204, body: x } }': [
    'routes[0].respond.body: stands beside a status whose answers never have a body (204, 205, 304); take one of them away',
  ],
  '{ respond: { status: 99 } }': ['routes[0].respond.status: must be at least 200'],
  '{ respond: { contentType: "text/plain\\r\\nX: y" } }': [
    'routes[0].respond.contentType: is not a media type; write text/plain; charset=utf-8',
  ],
  '{ respond: {}, stripPath: true, maxBodySize: 1MiB, identity: { headers: off } }': [
    'routes[0].stripPath: has no effect without an upstream; take it away',
    'routes[0].maxBodySize: has no effect without an upstream; take it away',
    'routes[0].identity: has no effect without an upstream; take it away',
  ],
  [`{ ${up}, stripPath: true, upstreamPath: /x }`]: [
    'routes[0].upstreamPath: stands beside stripPath, which is the same as upstreamPath: /; take one away',
  ],
  [`{ ${up}, upstreamPath: /a/../b }`]: [
    'routes[0].upstreamPath: can never be the start of a path in the app; write a plain path such as /apps/wiki',
  ],
  [`{ ${up}, upstreamPath: x }`]: ['routes[0].upstreamPath: must start with /'],
  '{ upstream: { targets: "http://a", tls: { ca: x.pem } } }': [
    'routes[0].upstream.tls: has no effect on http:// and unix: targets; write https:// or take it away',
  ],
  '{ upstream: { targets: "https://a", tls: { cert: x.pem } } }': [
    'routes[0].upstream.tls.cert: stands alone; write key, its private key, too',
  ],
  '{ upstream: { targets: "https://a", tls: { ca: x.pem, insecureSkipTlsVerify: true } } }': [
    'routes[0].upstream.tls.ca: has no effect beside insecureSkipTlsVerify: true; take that away',
  ],
  '{ upstream: { targets: "https://a", tls: { ca: none.pem } } }': [
    "routes[0].upstream.tls.ca: does not serve: could not read /nowhere/none.pem: ENOENT: no such file or directory, open '/nowhere/none.pem'",
  ],
  '{ upstream: { targets: "https://a", tls: { serverName: "a b" } } }': [
    'routes[0].upstream.tls.serverName: is not a host name; write app.internal.example.com',
  ],
  '{ upstream: { targets: "https://a", tls: { insecureSkipVerify: true } } }': [
    'routes[0].upstream.tls.insecureSkipVerify: is not a known key; did you mean insecureSkipTlsVerify?',
  ],
  [`{ ${up}, maxBodySize: 10MB }`]: ['routes[0].maxBodySize: is not a size; write 16KiB, 10MiB or 2GiB'],
  [`{ ${up}, maxBodySize: 1024 }`]: ['routes[0].maxBodySize: is not a size; write 16KiB, 10MiB or 2GiB'],
  [`{ ${up}, requestHeaders: { set: { X-A: "a\\nX-B: b" } } }`]: [
    'routes[0].requestHeaders.set.X-A: holds a line break or control character',
  ],
  [`{ ${up}, requestHeaders: { set: { X-A: 1, x-a: "1" } } }`]: [
    'routes[0].requestHeaders.set.X-A: must be text, but is a number; write it in quotes',
  ],
  [`{ ${up}, requestHeaders: { set: { X-A: "1" }, remove: [x-a] } }`]: [
    'routes[0].requestHeaders.remove[0]: stands twice; names of headers are the same in upper and lower case, and set also removes',
  ],
  [`{ ${up}, requestHeaders: { set: { Authorization: x } }, identity: { basicAuth: { user: a, password: b } } }`]: [
    'routes[0].identity.basicAuth: stands beside requestHeaders.set.Authorization; take one away',
  ],
};

for (const [route, expected] of Object.entries(faults))
  test(`says what is wrong with ${route}`, (t) => {
    t.deepEqual(faultsOf(route), expected);
  });

const oursInRequests = [
  ...['Remote-User', 'remote_groups', 'X-Forwarded-For', 'X-Forwarded-User', 'X-Auth-Request-Email', 'Forwarded'],
  ...['Sallyport-Jwt-Assertion', 'X-Real-IP', 'X-Request-Id', 'Custom-User', 'custom.user'],
];
const framing = ['Connection', 'Content-Length', 'transfer-encoding', 'Host', 'TE', 'Proxy-Authorization'];

for (const name of oursInRequests)
  test(`does not let a route change ${name} on the way to the app`, (t) => {
    const custom = 'identity: { headers: { Custom-User: "{user}" } }\n';
    for (const change of [`set: { ${name}: x }`, `remove: [${name}]`]) {
      const [fault = ''] = faultsOf(`{ ${up}, requestHeaders: { ${change} } }`, custom);
      t.regex(fault, /is one that the gateway alone sets/);
    }
  });

for (const name of framing)
  test(`does not let a route change ${name}`, (t) => {
    for (const change of [`set: { ${name}: x }`, `remove: [${name}]`])
      for (const direction of ['requestHeaders', 'responseHeaders']) {
        const [fault = ''] = faultsOf(`{ ${up}, ${direction}: { ${change} } }`);
        t.regex(fault, /belongs to the connection or the framing/);
      }
  });

test('lets no route set cookies, nor headers by the name of ours', (t) => {
  t.regex(faultsOf(`{ ${up}, responseHeaders: { set: { set-cookie: a=b } } }`)[0] ?? '', /it can be removed, not set/);
  t.regex(faultsOf(`{ ${up}, requestHeaders: { set: { Cookie: a=b } } }`)[0] ?? '', /it can be removed, not set/);
  t.regex(faultsOf(`{ ${up}, responseHeaders: { set: { Sallyport-X: a } } }`)[0] ?? '', /a name of the gateway's own/);
});

test('warns of certificates that nobody checks', (t) => {
  const text = 'routes: [{ upstream: { targets: "https://a", tls: { insecureSkipTlsVerify: true } } }]\n';
  const result = loadConfig({ file: '/nowhere/x.yaml', env: {}, text });
  const warnings = result.kind === 'ok' ? result.warnings : [];
  t.true(warnings.some(({ path }) => path === 'routes[0].upstream.tls.insecureSkipTlsVerify'));
});

test('takes what makes sense', (t) => {
  for (const route of [
    `{ ${up}, path: /wiki, upstreamPath: /apps/wiki, maxBodySize: 10MiB }`,
    `{ ${up}, requestHeaders: { set: { X-Forwarded-Prefix: /app, Authorization: Bearer x }, remove: [Cookie, X-Debug] } }`,
    `{ ${up}, responseHeaders: { set: { Strict-Transport-Security: max-age=1 }, remove: [Server, Set-Cookie] } }`,
    `{ path: /a, redirect: /b }`,
    `{ redirect: /b }, { ${up}, path: /b }`,
    `{ path: /a, redirect: { to: /b, status: 308, keepPath: true } }`,
    `{ respond: { status: 204 } }`,
  ])
    t.deepEqual(faultsOf(route), [], route);
});
