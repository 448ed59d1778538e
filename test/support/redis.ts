import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endChild, eventually, findProgram, freePort } from './programs.ts';

/** A real redis-server of this test alone: a free loopback port, nothing kept on disk. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends the process; whoever was connected notices. */
  readonly halt: () => Promise<void>;
  /** Starts again on the same port, empty. */
  readonly restart: () => Promise<void>;
  /** SIGSTOP: connections stand, nobody answers. */
  readonly freeze: () => void;
  /** SIGCONT: as if nothing had happened. */
  readonly thaw: () => void;
  /** Sends one command line and gives the raw reply back. */
  readonly command: (line: string) => Promise<string>;
  /** For the test's teardown: ends the process, also a frozen one, and removes its folder. */
  readonly stop: () => Promise<void>;
}

export const hasRedis = findProgram('redis-server') !== null;

async function command(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.setTimeout(2_000, () => socket.destroy(new Error('redis-server is silent')));
    socket.once('connect', () => socket.write(`${line}\r\nQUIT\r\n`));
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks).toString()));
  });
}

const pings = (port: number): Promise<boolean> =>
  command(port, 'PING').then(
    (reply) => reply.startsWith('+PONG'),
    () => false,
  );

/** Starts redis-server, with further arguments of its command line; throws when it does not come up. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  const binary = findProgram('redis-server');
  if (binary === null) throw new Error('redis-server is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-redis-'));
  let child: ChildProcess | null = null;

  const startOn = async (port: number): Promise<void> => {
    const started = spawn(
      binary,
      ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder, ...args],
      { stdio: 'ignore' },
    );
    child = started;
    await eventually(
      `redis-server answers on ${port}`,
      async () => {
        if (started.exitCode !== null) throw new Error(`redis-server ended with ${started.exitCode}`);
        return pings(port);
      },
      { timeoutMs: 10_000 },
    );
  };

  let port = 0;
  // The port was free a moment ago; another test may have taken it meanwhile.
  for (let attempt = 0; ; attempt += 1) {
    port = await freePort();
    try {
      await startOn(port);
      break;
    } catch (error) {
      if (attempt === 4) throw error;
    }
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    halt: async () => {
      if (child !== null) await endChild(child, 'SIGKILL');
    },
    restart: () => startOn(port),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    command: (line) => command(port, line),
    stop: async () => {
      if (child !== null) await endChild(child, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}
