import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { createGateway } from '../../src/gateway.ts';
import type { LogMethod, Runtime } from '../../src/runtime.ts';
import { freePort } from './programs.ts';
import { sendRaw } from './raw.ts';

export interface TestGatewayOptions {
  /** YAML text, or the same as an object. Listeners, store and secret are filled in where an object leaves them out. */
  readonly config: string | Readonly<Record<string, unknown>>;
  /** Text of `users.yaml` beside the configuration. */
  readonly users?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** The public port speaks TLS: a spawned gateway is asked at its admin listener whether it is up. */
  readonly isSecure?: boolean;
  /** Wall clock; in-process gateways only. */
  readonly now?: () => number;
}

export interface TestGateway {
  readonly port: number;
  /** 0 when there is no admin listener. */
  readonly adminPort: number;
  readonly origin: string;
  readonly directory: string;
  readonly pid: number;
  /** Log lines so far, JSON texts. */
  readonly logs: () => readonly string[];
  /** Puts another configuration in force. Rejects with the faults when it has some. */
  readonly reload: (config: TestGatewayOptions['config']) => Promise<void>;
  readonly stop: () => Promise<void>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const secret = 'a-secret-for-tests-only-0123456789-abcdefghij';

/** Runs a gateway in this process on free ports of 127.0.0.1, from real files in a folder of its own. */
export async function startTestGateway(options: TestGatewayOptions): Promise<TestGateway> {
  const directory = await writeFiles(options, { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0' });
  const lines: string[] = [];
  const write =
    (level: string): LogMethod =>
    (event, fields) => {
      lines.push(
        JSON.stringify({ level, event, ...fields }, (_, value: unknown) =>
          value instanceof Error ? value.stack : value,
        ),
      );
    };
  const runtime: Runtime = {
    now: options.now ?? Date.now,
    randomBytes: (size) => randomBytes(size),
    fetch,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
  };
  const read = async () => {
    const loaded = loadConfig({ file: join(directory, 'sallyport.yaml'), env: options.env ?? {} });
    if (loaded.kind === 'faults') throw new Error(`configuration faults: ${JSON.stringify(loaded.faults)}`);
    return loaded.config;
  };
  const gateway = createGateway({ config: await read(), runtime });
  await gateway.start();
  const { public: listening, admin } = gateway.addresses();
  const port = portOf(listening[0] ?? null);
  return {
    port,
    adminPort: portOf(admin),
    origin: `http://127.0.0.1:${String(port)}`,
    directory,
    pid: process.pid,
    logs: () => lines,
    reload: async (config) => {
      await writeConfig(directory, config, { listen: '127.0.0.1:0', adminListen: '127.0.0.1:0' });
      await gateway.reload(await read());
    },
    stop: async () => {
      await gateway.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export interface SpawnedGateway extends TestGateway {
  /** Exit code, or the signal's name, once it is over; null while it lives. */
  readonly exit: () => number | string | null;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** After its end: starts again in the same folder, on the same ports. */
  readonly startAgain: () => Promise<void>;
}

/** Runs `sallyport start` as a process of its own: for tests of signals, memory and file descriptors. */
export async function spawnTestGateway(options: TestGatewayOptions): Promise<SpawnedGateway> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const places = { listen: `127.0.0.1:${String(port)}`, adminListen: `127.0.0.1:${String(adminPort)}` };
  const directory = await writeFiles(options, places);
  let output = '';
  let exit: number | string | null = null;
  let child: ChildProcess | null = null;
  let over = Promise.resolve();
  const launch = async (): Promise<void> => {
    const started = spawn(
      process.execPath,
      [join(root, 'src/cli.ts'), 'start', '--config', join(directory, 'sallyport.yaml')],
      {
        cwd: directory,
        env: { PATH: process.env['PATH'], ...options.env },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    child = started;
    exit = null;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    over = new Promise<void>((resolve) => {
      started.once('exit', (code, signal) => {
        exit = code ?? signal ?? 'gone';
        resolve();
      });
    });
    await poll(async () => {
      if (exit !== null) throw new Error(`the gateway ended with ${String(exit)}: ${output}`);
      return options.isSecure === true ? isReady(adminPort) : isAlive(port);
    }, 60_000);
  };
  const gateway: SpawnedGateway = {
    port,
    adminPort,
    origin: `http://127.0.0.1:${String(port)}`,
    directory,
    get pid() {
      return child?.pid ?? 0;
    },
    logs: () => output.split('\n').filter((line) => line !== ''),
    reload: async (config) => {
      await writeConfig(directory, config, places);
      child?.kill('SIGHUP');
    },
    exit: () => exit,
    signal: (signal) => {
      child?.kill(signal);
    },
    startAgain: launch,
    stop: async () => {
      if (exit === null) child?.kill('SIGKILL');
      await over;
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await launch();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return gateway;
}

/** True when the admin listener says that requests can be served. */
async function isReady(adminPort: number): Promise<boolean> {
  const request = `GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:${String(adminPort)}\r\nConnection: close\r\n\r\n`;
  const conversation = await sendRaw(adminPort, request).catch(() => null);
  return conversation?.answers[0]?.status === 200;
}

/** True when `/_auth/health` answers 200. */
export async function isAlive(port: number, authPath = '/_auth'): Promise<boolean> {
  try {
    const request = `GET ${authPath}/health HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n`;
    return (await sendRaw(port, request)).answers[0]?.status === 200;
  } catch {
    return false;
  }
}

/** Asks again until the answer is true; rejects after `deadlineMs`. */
export async function poll(question: () => boolean | Promise<boolean>, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await question())) {
    if (Date.now() > end) throw new Error(`still not so after ${String(deadlineMs)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

interface Places {
  readonly listen: string;
  readonly adminListen: string;
}

async function writeFiles(options: TestGatewayOptions, places: Places): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'sallyport-test-'));
  await writeConfig(directory, options.config, places);
  if (options.users !== undefined) await writeFile(join(directory, 'users.yaml'), options.users, { mode: 0o600 });
  for (const [name, text] of Object.entries(options.files ?? {})) await writeFile(join(directory, name), text);
  return directory;
}

async function writeConfig(directory: string, config: TestGatewayOptions['config'], places: Places): Promise<void> {
  const text = typeof config === 'string' ? config : stringify(withDefaults(config, places));
  await writeFile(join(directory, 'sallyport.yaml'), text, { mode: 0o600 });
}

function withDefaults(config: Readonly<Record<string, unknown>>, places: Places): Record<string, unknown> {
  const slice = (name: string) => (config[name] ?? {}) as Record<string, unknown>;
  return {
    ...config,
    // Whoever still has a connection open in a test is not waited for.
    server: { listen: places.listen, drainTimeout: '250ms', ...slice('server') },
    admin: { listen: places.adminListen, ...slice('admin') },
    store: { url: 'memory:', secret, ...slice('store') },
  };
}

/** 0 for a unix socket and for a listener that is not there. */
function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
