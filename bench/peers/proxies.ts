import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, has, startTarget, versionOf, type Target } from '../targets.ts';

interface NginxOptions {
  readonly name: string;
  /** Inside of its `server`. */
  readonly locations: string;
  /** Beside it, in `http`. */
  readonly http?: string;
}

/** An nginx of one worker. */
export async function startNginx(directory: string, { name, locations, http = '' }: NginxOptions): Promise<Target> {
  const port = await freePort();
  const home = join(directory, `nginx-${port}`);
  mkdirSync(home, { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${home}/${kind};`)
    .join(' ');
  writeFileSync(
    join(home, 'nginx.conf'),
    `${process.getuid?.() === 0 ? 'user root; ' : ''}daemon off; worker_processes 1; pid ${home}/nginx.pid; error_log ${home}/error.log; worker_rlimit_nofile 20000;
events { worker_connections 16384; }
http {
  access_log ${home}/access.log combined buffer=64k; ${temporary}
  keepalive_requests 10000000; client_max_body_size 0; sendfile on;
  ${http}
  server { listen 127.0.0.1:${port} backlog=4096; ${locations} }
}
`,
  );
  return startTarget({
    name,
    port,
    command: 'nginx',
    args: ['-e', `${home}/error.log`, '-c', join(home, 'nginx.conf')],
    cwd: home,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    version: versionOf('nginx', '-v'),
  });
}

/** The app behind everybody: nginx that answers 1 KiB, or a file of `root`. */
export function startUpstream(directory: string, root?: string): Promise<Target> {
  const files = root === undefined ? '' : `location /files/ { alias ${root}/; }`;
  const locations = `location / { default_type text/html; return 200 "${'x'.repeat(1_024)}"; } ${files}`;
  return startNginx(directory, { name: 'upstream', locations });
}

/** Plain nginx, what everything is compared with. */
export function startNginxProxy(directory: string, upstreamPort: number): Promise<Target> {
  return startNginx(directory, {
    name: 'nginx proxy_pass',
    locations: `location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_up; proxy_read_timeout 600s;
      proxy_request_buffering off; proxy_max_temp_file_size 0; }`,
    http: `map $http_upgrade $connection_up { default upgrade; "" ""; }
  upstream up { server 127.0.0.1:${upstreamPort}; keepalive 128; keepalive_requests 10000000; }`,
  });
}

export async function startCaddy(directory: string, upstreamPort: number, stub?: Target): Promise<Target | null> {
  if (!has('caddy')) return null;
  const port = await freePort();
  const file = join(directory, `Caddyfile-${port}`);
  const auth =
    stub === undefined
      ? ''
      : `forward_auth 127.0.0.1:${stub.port} {\n    uri /verify\n    copy_headers Remote-User Remote-Groups\n  }`;
  writeFileSync(
    file,
    `{\n  admin off\n  auto_https off\n}\nhttp://:${port} {\n  bind 127.0.0.1\n  ${auth}\n  reverse_proxy 127.0.0.1:${upstreamPort}\n  log {\n    output file ${directory}/caddy-${port}.log\n  }\n}\n`,
  );
  return startTarget({
    name: stub === undefined ? 'caddy reverse_proxy' : 'caddy forward_auth + stub',
    port,
    command: 'caddy',
    args: ['run', '--adapter', 'caddyfile', '--config', file],
    cwd: directory,
    env: { HOME: directory, GOMAXPROCS: '1' },
    version: versionOf('caddy', 'version'),
    parts: stub === undefined ? [] : [stub],
  });
}

/** caddy that asks an auth server about each request; the server is the cheapest that there can be: nginx that says yes. */
export async function startCaddyForwardAuth(directory: string, upstreamPort: number): Promise<Target | null> {
  if (!has('caddy')) return null;
  const stub = await startNginx(directory, {
    name: 'stub',
    locations:
      'access_log off; location / { add_header Remote-User alice; add_header Remote-Groups staff; return 200; }',
  });
  return startCaddy(directory, upstreamPort, stub);
}

export async function startHaproxy(directory: string, upstreamPort: number): Promise<Target | null> {
  if (!has('haproxy')) return null;
  const port = await freePort();
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(
    file,
    `global\n  nbthread 1\ndefaults\n  mode http\n  timeout client 60s\n  timeout server 60s\n  timeout connect 5s\n  http-reuse always\nlisten bench\n  bind 127.0.0.1:${port}\n  server up 127.0.0.1:${upstreamPort}\n`,
  );
  return startTarget({
    name: 'haproxy',
    port,
    command: 'haproxy',
    args: ['-f', file],
    cwd: directory,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    version: versionOf('haproxy', '-v'),
  });
}

/** A node:http server that proxies nothing: what Node alone costs. */
export async function startNodeHello(directory: string): Promise<Target> {
  const port = await freePort();
  const file = join(directory, 'hello.mjs');
  writeFileSync(
    file,
    `import { createServer } from 'node:http';
const body = 'x'.repeat(1024);
createServer((request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end(body);
}).listen(${port}, '127.0.0.1');
`,
  );
  return startTarget({
    name: 'node:http "hello" (proxies nothing)',
    port,
    command: process.execPath,
    args: [file],
    cwd: directory,
    version: process.version.slice(1),
  });
}
