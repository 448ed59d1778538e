import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import type { Attack, AttackCase, Door } from './attack.ts';
import { asHttp2, sendHttp2 } from './attack-http2.ts';
import { bytesOf, fits } from './attack-request.ts';
import { faultsOf } from './attack-verdict.ts';
import { makeAuthority, makeCertificate, type Certificate } from './certificates.ts';
import { fixture, type ConfigObject, type GatewayName } from './fixture.ts';
import { isAlive, spawnTestGateway, startTestGateway, type TestGateway } from './gateway.ts';
import { sendRaw, speakTls, type RawConversation } from './raw.ts';
import { signIn, type SignedIn } from './sign-in.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { passwordHashes, passwordOf, type FixtureName } from './users.ts';

/** A gateway with its upstream and the sessions that were opened on it. */
export interface Ground {
  readonly gateway: TestGateway;
  readonly setting: Setting;
  readonly upstream: Upstream;
  /** The session of a fixture user; signed in at the first call, the same afterwards. */
  readonly session: (user: string) => Promise<SignedIn>;
  /** Signs in anew. */
  readonly newSession: (user: string) => Promise<SignedIn>;
  readonly stop: () => Promise<void>;
}

/** Gateways of one test file, started when first asked for; the same name gives the same gateway. */
export interface Grounds {
  readonly get: (gateway?: GatewayName | ConfigObject) => Promise<Ground>;
  /** One more, for a test that does something to it; stop it there. */
  readonly start: (gateway: GatewayName | ConfigObject, options?: GroundOptions) => Promise<Ground>;
  readonly stop: () => Promise<void>;
}

/**
 * How the gateway stands between visitors and app: one process and one target, two workers on one port, two targets of which
 * one is always down, TLS with the same bytes inside, or HTTP/2 for what can be said in it.
 */
export type Setting = (typeof settings)[number];

const settings = ['plain', 'two-workers', 'two-targets', 'tls', 'http2'] as const;

/**
 * The setting for which a test file is run: `?setting=NAME` behind its address, where another file imports it to run all of
 * its tests once more.
 *
 * @example createGrounds(settingOf(import.meta.url))
 */
export function settingOf(url: string): Setting {
  const name = new URL(url).searchParams.get('setting');
  return settings.find((setting) => setting === name) ?? 'plain';
}

/** Makes the gateways of one test file; stop them in `test.after.always`. */
export function createGrounds(setting: Setting = 'plain'): Grounds {
  const grounds = new Map<string, Promise<Ground>>();
  const start = (gateway: GatewayName | ConfigObject, options: GroundOptions = {}) =>
    startGround(gateway, { ...options, setting });
  return {
    get: (gateway = 'plain') => {
      const key = JSON.stringify(gateway);
      const known = grounds.get(key) ?? start(gateway);
      grounds.set(key, known);
      return known;
    },
    start,
    stop: async () => {
      for (const started of grounds.values()) {
        const ground = await started.catch(() => null);
        await ground?.stop();
      }
    },
  };
}

export interface GroundOptions {
  /** Instead of the fixture's people; see `usersFile`. */
  readonly users?: string;
  /** Wall clock of the gateway. */
  readonly now?: () => number;
  /** A process of its own instead of one in here. */
  readonly spawned?: boolean;
  /** Default plain. */
  readonly setting?: Setting;
}

/** Starts an upstream and a gateway before it. Stops the upstream again when the gateway refuses to start. */
export async function startGround(gateway: GatewayName | ConfigObject, options: GroundOptions = {}): Promise<Ground> {
  const upstream = await startUpstream();
  const { setting = 'plain' } = options;
  const { config: written, users } = fixture(gateway, upstream.origin);
  const config = await settled(written, setting);
  const start = options.spawned || setting === 'two-workers' ? spawnTestGateway : startTestGateway;
  const started = await start({
    config,
    users: options.users ?? users,
    isSecure: setting === 'tls' || setting === 'http2',
    ...(options.now && { now: options.now }),
  }).catch(async (error: unknown) => {
    await upstream.stop();
    throw error;
  });
  if (setting === 'tls' || setting === 'http2') speakTls(started.port);
  const publicUrl = new URL(publicUrlOf(config));
  const sessions = new Map<string, Promise<SignedIn>>();
  const newSession = (user: string) =>
    signIn({
      port: started.port,
      user,
      password: passwordOf(user in passwordHashes ? (user as FixtureName) : 'heidi'),
      host: publicUrl.host,
      scheme: publicUrl.protocol === 'https:' ? 'https' : 'http',
    });
  const session = (user: string) => {
    const known = sessions.get(user) ?? newSession(user);
    sessions.set(user, known);
    return known;
  };
  const stop = async () => {
    await started.stop();
    await upstream.stop();
  };
  return { gateway: started, setting, upstream, session, newSession, stop };
}

async function settled(config: ConfigObject, setting: Setting): Promise<ConfigObject> {
  switch (setting) {
    case 'plain':
      return config;
    case 'two-workers':
      return withWorkers(config);
    case 'two-targets':
      return withTargets(config);
    case 'tls':
    case 'http2':
      return { ...config, server: { ...(config['server'] as ConfigObject), tls: await madeCertificate() } };
  }
}

/** Requests find out again and again that a target is down, and go to the other. */
function withTargets(config: ConfigObject): ConfigObject {
  const routes = config['routes'] as readonly ConfigObject[];
  return {
    ...config,
    routes: routes.map((route) => ({
      ...route,
      upstream: { targets: ['unix:/nowhere/app.sock', route['upstream']], ejection: false },
    })),
  };
}

function withWorkers(config: ConfigObject): ConfigObject {
  const slice = (name: string) => config[name] as ConfigObject | undefined;
  return {
    ...config,
    server: { ...slice('server'), workers: 2 },
    store: { url: 'sqlite:./sallyport.db', ...slice('store') },
  };
}

let certificate: Promise<Certificate> | undefined;

/** One for all gateways of a test file. */
function madeCertificate(): Promise<Certificate> {
  return (certificate ??= (async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sallyport-attacks-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const { cert, key } = await makeCertificate(await makeAuthority(folder), { names: ['app.test'] });
    return { cert, key };
  })());
}

function publicUrlOf(config: ConfigObject): string {
  const server = config['server'] as { readonly publicUrl?: string } | undefined;
  return server?.publicUrl ?? 'http://app.test';
}

/** Runs one case through one door and tells every fault. */
export async function runCase(ground: Ground, attack: AttackCase, door: Door): Promise<string[]> {
  const { bytes, method } = await bytesOf(attack, door, ground.session);
  const seen = ground.upstream.mark();
  const conversation =
    ground.setting === 'http2'
      ? await converseInHttp2(ground, bytes, door)
      : await sendRaw(ground.gateway.port, bytes, {
          methods: [method],
          untilClosed: attack.expect.closed === true,
          deadlineMs: 5_000,
        });
  if (conversation === null) return [];
  const alive = await isAlive(ground.gateway.port);
  const secrets = await Promise.all(
    attack.as === undefined ? [] : [ground.session(attack.as).then(({ token }) => token)],
  );
  const judged = ground.setting === 'http2' ? expectInHttp2(attack) : attack;
  const faults = faultsOf(judged, door, conversation, seen, secrets);
  if (!alive) faults.push('the gateway no longer answers /_auth/health');
  return faults.map((fault) => `${attack.name}: ${fault}`);
}

/** What is unreadable may also end in a reset of its stream, and a WebSocket's key is the gateway's own. */
function expectInHttp2(attack: AttackCase): AttackCase {
  const { expect } = attack;
  const orSilent = [expect.status].flat().some((status) => status === 400 || status === 431);
  if (typeof expect.upstream !== 'object') return { ...attack, expect: { ...expect, orSilent } };
  const { 'sec-websocket-key': _, ...headers } = expect.upstream.headers ?? {};
  return { ...attack, expect: { ...expect, orSilent, upstream: { ...expect.upstream, headers } } };
}

/** Null when it can't be said in HTTP/2. */
async function converseInHttp2(ground: Ground, bytes: Buffer, door: Door): Promise<RawConversation | null> {
  const request = asHttp2(bytes, door);
  return request === null ? null : sendHttp2(ground.gateway.port, request, door);
}

export interface AttackGroupOptions {
  readonly grounds: Grounds;
  /** Run everything with an upstream that keeps connections open, and again with one that closes. Default: open only. */
  readonly upstreamKeepAlive?: readonly boolean[];
}

/** Declares a test for every attack and every door that it goes through. */
export function declareAttacks(attacks: readonly Attack[], options: AttackGroupOptions): void {
  for (const attack of attacks) {
    for (const door of attack.doors ?? (['http', 'upgrade'] as const)) {
      const cases = attack.cases.filter((one) => fits(one, door));
      if (cases.length === 0) continue;
      for (const keepAlive of options.upstreamKeepAlive ?? [true]) {
        const how = keepAlive ? door : `${door}, upstream closes`;
        test.serial(`${attack.id} ${attack.slug}: ${attack.behaviour} (${how})`, async (t) => {
          const ground = await options.grounds.get(attack.gateway);
          ground.upstream.setKeepAlive(keepAlive);
          const faults: string[] = [];
          for (const one of cases) faults.push(...(await runCase(ground, one, door)));
          ground.upstream.setKeepAlive(true);
          t.deepEqual(faults, []);
        });
      }
    }
  }
}

/** The attacks of a folder below test/attacks/data, in the order of their numbers. */
export async function loadAttacks(group: string): Promise<readonly Attack[]> {
  const folder = new URL(`../attacks/data/${group}/`, import.meta.url);
  const names = readdirSync(fileURLToPath(folder)).filter((name) => name.endsWith('.ts'));
  const modules = await Promise.all(
    names.map(async (name) => (await import(new URL(name, folder).href)) as { readonly attack: Attack }),
  );
  const number = ({ attack }: { attack: Attack }) => Number(attack.id.slice(1));
  return modules.sort((a, b) => number(a) - number(b)).map(({ attack }) => attack);
}
