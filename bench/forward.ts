/**
 * Cost of the way to the upstream and back alone: reading the wire and forwarding, without sessions, rules, Koa and logs, beside
 * plain nginx in the same run. `node bench/forward.ts --rounds 5 --seconds 4 [--profile FOLDER]`.
 */
import { createServer } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Identity } from '../src/identity/identity.ts';
import { compileHeaderSet } from '../src/identity/header-sets.ts';
import { createReservedHeaders } from '../src/identity/headers.ts';
import type { CanonicalPath } from '../src/request/facts.ts';
import { createRequestReader } from '../src/request/read.ts';
import type { ForwardingRoute } from '../src/route/table.ts';
import { upstreamConfig } from '../src/route/upstream/config.ts';
import { createForwarder } from '../src/upstream/forward.ts';
import { writeLoadScript } from './load.ts';
import { measureCosts, ratio, spread } from './measure.ts';
import { startNginxProxy, startUpstream } from './peers/proxies.ts';
import { freePort, startTarget, type Target } from './targets.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '4' },
    profile: { type: 'string' },
    /** Be the gateway: listen here and forward there. */
    listen: { type: 'string' },
    upstream: { type: 'string' },
  },
});

if (values.listen !== undefined) serve(Number(values.listen), values.upstream ?? '');
else await measure(Number(values.rounds), Number(values.seconds));

function serve(port: number, origin: string): void {
  const identity: Identity = {
    user: 'alice',
    name: 'Alice Example',
    email: 'alice@example.com',
    groups: ['users', 'editors'],
    claims: {},
    method: 'local',
    issuer: 'local',
    subject: 'alice',
  };
  const headers = compileHeaderSet('remote');
  const route: ForwardingRoute = {
    id: 'app',
    title: 'App',
    host: null,
    path: '/' as CanonicalPath,
    upstream: upstreamConfig.parse(origin),
    answer: null,
    upstreamPath: null,
    preserveHost: true,
    requestHeaders: null,
    responseHeaders: null,
    maxBodyBytes: null,
    encodedSlashes: false,
    acceptBasic: false,
    acceptTokens: true,
    allowedOrigins: new Set(),
    clearCookies: [],
    policy: { judgesPaths: false, evaluate: () => ({ kind: 'allow', rule: 0, anonymous: false }) },
    headers,
    basicAuth: null,
    accessToken: null,
  };
  const visitor = {
    kind: 'authenticated',
    identity,
    session: null,
    consumesAuthorization: false,
    secondFactor: false,
    authenticatedAtMs: 0,
  } as const;
  let count = 0;
  const read = createRequestReader({
    trustedProxies: [],
    publicUrl: 'http://app.test',
    sessionCookieName: 'sallyport',
    nextRequestId: () => `request-${(count += 1)}`,
    now: Date.now,
  });
  const forwarder = createForwarder({
    reserved: createReservedHeaders([headers]),
    isOwnCookie: (name) => name === 'sallyport',
    isOwnCredential: () => false,
    secureOf: () => ({}),
    groupOf: () => null,
    stickiness: () => ({ key: 0, setCookies: [] }),
    now: Date.now,
  });
  const server = createServer((request, response) => {
    const result = read(request);
    if (result.kind !== 'facts') {
      response.writeHead(result.unreadable.status).end();
      return;
    }
    const job = { facts: result.facts, route, visitor, request, response, setCookies: [] };
    void forwarder.forward(job).done.then((outcome) => {
      if (outcome.kind === 'failed' && !outcome.responseStarted) response.writeHead(502).end();
    });
  });
  server.listen(port, '127.0.0.1');
  process.once('SIGTERM', () => process.exit(0));
}

async function measure(rounds: number, seconds: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const targets: Target[] = [];
  try {
    const upstream = await startUpstream(directory);
    targets.push(upstream);
    const nginx = await startNginxProxy(directory, upstream.port);
    targets.push(nginx);
    const port = await freePort();
    const profiling = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`];
    const itself = [import.meta.filename, '--listen', `${port}`, '--upstream', `http://127.0.0.1:${upstream.port}`];
    const forward = await startTarget({
      name: 'forward',
      port,
      command: process.execPath,
      args: [...profiling, ...itself],
      cwd: directory,
      version: '',
    });
    targets.push(forward);
    const script = writeLoadScript(directory, { cookieName: 'sallyport', tokens: ['x'.repeat(43)] });
    const subjects = [nginx, forward].map((target) => ({ target, script }));
    const [base, cost] = await measureCosts(subjects, { rounds, seconds, warmUpSeconds: 2 });
    if (base === undefined || cost === undefined) throw new Error('nothing was measured');
    for (const { name, micros } of [base, cost]) console.log(`${name}: ${spread(micros)} µs a request`);
    console.log(`${ratio(cost, base).toFixed(2)} × nginx`);
  } finally {
    await Promise.all(targets.map(({ stop }) => stop()));
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
