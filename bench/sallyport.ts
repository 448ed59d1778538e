import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { stringify } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import type { Runtime } from '../src/runtime.ts';
import { layFoundation } from '../src/server/foundation.ts';
import { createPasswordHasher } from '../src/users/password-hasher.ts';
import { freePort, startTarget, type Target } from './targets.ts';

const silent: Runtime['log'] = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
const secret = '8c1f0b7d5e3a49826cbb1f04aa97e6d3';
const cli = join(import.meta.dirname, '..', 'src', 'cli.ts');

/** The one who can sign in with a password. */
export const signer = { user: 'user0', password: 'correct horse battery staple' } as const;
/** A user has at most a hundred sessions; this keeps far from it. */
const sessionsPerPerson = 50;

export interface SallyportOptions {
  readonly name: string;
  readonly upstreamPort: number;
  /** How many people are signed in, with tokens. */
  readonly sessions: number;
  /** Sessions in the store that nobody uses. SQLite only. */
  readonly idleSessions?: number;
  /** Default: a file beside the configuration. */
  readonly storeUrl?: string;
  readonly workers?: number;
  /** Routes beside the one that is asked for. */
  readonly routes?: readonly unknown[];
  /** Folder for a CPU profile of the gateway. */
  readonly profile?: string | undefined;
  /** Default: from TypeScript, as it stands in a checkout. */
  readonly cli?: string;
}

/** A gateway with people signed in. */
export interface Sallyport {
  readonly target: Target;
  readonly tokens: readonly string[];
  readonly cookieName: string;
  readonly directory: string;
  readonly configFile: string;
}

/** Writes configuration and users, signs people in (as far as the store can tell), and starts the gateway. */
export async function startSallyport(parent: string, options: SallyportOptions): Promise<Sallyport> {
  const prepared = await prepareSallyport(parent, options);
  return { ...prepared, target: await launchSallyport(prepared, options) };
}

export interface PreparedSallyport extends Omit<Sallyport, 'target'> {
  readonly port: number;
}

/** All of it but the start. */
export async function prepareSallyport(parent: string, options: SallyportOptions): Promise<PreparedSallyport> {
  const port = await freePort();
  const directory = join(parent, `sallyport-${port}`);
  mkdirSync(directory);
  const configFile = join(directory, 'sallyport.yaml');
  const config = {
    server: { listen: `127.0.0.1:${port}`, workers: options.workers ?? 1, publicUrl: 'http://app.test' },
    admin: { listen: 'off' },
    store: { url: options.storeUrl ?? 'sqlite:./sallyport.db', secret },
    signIn: { local: { users: './users.yaml' } },
    routes: [
      { id: 'wiki', host: 'app.test', upstream: `http://127.0.0.1:${options.upstreamPort}` },
      ...(options.routes ?? []),
    ],
  };
  writeFileSync(configFile, stringify(config), { mode: 0o600 });
  const people = Math.max(200, Math.ceil(options.sessions / sessionsPerPerson));
  const runtime: Runtime = { now: Date.now, randomBytes, fetch, log: silent };
  const hash = await createPasswordHasher({ runtime }).hash(signer.password);
  const users: Record<string, unknown> = {};
  for (let number = 0; number < people; number += 1) {
    const person = { name: `User ${number}`, email: `user${number}@app.test`, groups: ['staff', 'editors'] };
    users[`user${number}`] = number === 0 ? { ...person, password: hash } : person;
  }
  writeFileSync(join(directory, 'users.yaml'), stringify({ users }), { mode: 0o600 });
  const tokens = await signIn(configFile, options.sessions, people, runtime);
  if (options.idleSessions !== undefined) fillStore(join(directory, 'sallyport.db'), options.idleSessions);
  return { tokens, cookieName: 'sallyport', directory, configFile, port };
}

/** Starts what was prepared. */
export function launchSallyport(prepared: PreparedSallyport, options: SallyportOptions): Promise<Target> {
  const profiling = options.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.profile}`];
  return startTarget({
    name: options.name,
    port: prepared.port,
    command: process.execPath,
    args: [...profiling, options.cli ?? cli, 'start', '--config', prepared.configFile],
    cwd: prepared.directory,
    version: 'this tree',
  });
}

async function signIn(configFile: string, count: number, people: number, runtime: Runtime): Promise<readonly string[]> {
  const loaded = loadConfig({ file: configFile, env: {} });
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  const foundation = await layFoundation(loaded.config, runtime);
  const tokens: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const user = foundation.directory.find(`user${index % people}`);
    if (user === null) throw new Error('the users file was not read');
    const { token } = await foundation.sessions.create({
      identity: user.identity,
      site: 'app.test',
      remembered: false,
      amr: ['pwd'],
      address: '127.0.0.1',
      userAgent: 'bench',
      credential: user.credential,
    });
    tokens.push(token);
  }
  await foundation.close();
  return tokens;
}

/** Rows as large as real ones, under keys that no token has: for the store it makes no difference. */
function fillStore(file: string, count: number): void {
  const db = new DatabaseSync(file);
  const sample = db.prepare("select ns, length(v) as length, e from records where ns = 'session' limit 1").get();
  const namespace = String(sample?.['ns'] ?? 'session');
  const length = Number(sample?.['length'] ?? 600);
  const insert = db.prepare('insert into records (ns, k, v, e) values (?, ?, ?, ?)');
  const endsAtMs = Number(sample?.['e'] ?? Date.now() + 3_600_000);
  const text = randomBytes(length)
    .toString('base64')
    .slice(0, length - 1);
  // In order: a tree that is filled at random places is written over and over.
  const keys = Array.from({ length: count }, () => randomBytes(32).toString('base64url')).sort();
  db.exec('pragma synchronous = off; pragma cache_size = -200000; begin');
  for (const [row, key] of keys.entries()) insert.run(namespace, key, `${text}${row % 10}`, endsAtMs);
  db.exec('commit; pragma wal_checkpoint(truncate)');
  db.close();
}
