import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A server under load: its process tree is what is measured. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
  readonly version: string;
  readonly stop: () => void;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Starts a program and waits until its port answers. */
export async function startTarget(
  name: string,
  port: number,
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv; version: string },
): Promise<Target> {
  const child: ChildProcess = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (let attempt = 0; !(await answers(port)); attempt += 1) {
    if (attempt > 200 || child.exitCode !== null) throw new Error(`${name} did not start`);
    await delay(50);
  }
  return { name, port, pid: child.pid ?? 0, version: options.version, stop: () => void child.kill('SIGTERM') };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export function has(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

function versionOf(program: string, ...args: string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return /\d+\.\d+(\.\d+)?/.exec(`${stdout}${stderr}`)?.[0] ?? '?';
}

function nginxConfig(directory: string, port: number, location: string): string {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 4096; }
http {
  access_log ${directory}/access.log combined buffer=64k;
  keepalive_requests 1000000; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f; uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s;
  server { listen 127.0.0.1:${port} backlog=4096; ${location} }
}
`,
  );
  return file;
}

/** The app behind everybody: nginx that answers 1 KiB. */
export async function startUpstream(directory: string): Promise<Target> {
  const port = await freePort();
  const file = nginxConfig(
    join(directory, 'upstream'),
    port,
    `location / { default_type text/html; return 200 "${'x'.repeat(1_024)}"; }`,
  );
  return startTarget('upstream', port, 'nginx', ['-c', file], { cwd: directory, version: versionOf('nginx', '-v') });
}

export async function startNginx(directory: string, upstreamPort: number): Promise<Target> {
  const port = await freePort();
  const file = nginxConfig(
    join(directory, 'proxy'),
    port,
    `location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }
  upstream up { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 1000000;`,
  );
  return startTarget('nginx proxy_pass', port, 'nginx', ['-c', file], {
    cwd: directory,
    version: versionOf('nginx', '-v'),
  });
}

export async function startCaddy(directory: string, upstreamPort: number): Promise<Target | null> {
  if (!has('caddy')) return null;
  const port = await freePort();
  const file = join(directory, 'Caddyfile');
  writeFileSync(
    file,
    `{\n  admin off\n  auto_https off\n}\nhttp://:${port} {\n  reverse_proxy 127.0.0.1:${upstreamPort}\n  log {\n    output file ${directory}/caddy.log\n  }\n}\n`,
  );
  return startTarget('caddy reverse_proxy', port, 'caddy', ['run', '--adapter', 'caddyfile', '--config', file], {
    cwd: directory,
    env: { HOME: directory, GOMAXPROCS: '1' },
    version: versionOf('caddy', 'version'),
  });
}

export async function startHaproxy(directory: string, upstreamPort: number): Promise<Target | null> {
  if (!has('haproxy')) return null;
  const port = await freePort();
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(
    file,
    `global\n  nbthread 1\ndefaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n  http-reuse always\nlisten bench\n  bind 127.0.0.1:${port}\n  server up 127.0.0.1:${upstreamPort}\n`,
  );
  return startTarget('haproxy', port, 'haproxy', ['-f', file], { cwd: directory, version: versionOf('haproxy', '-v') });
}
