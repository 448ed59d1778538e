import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { endChild, findProgram, freePort, run } from './programs.ts';

const modules = '/usr/lib/apache2/modules';

/** Debian's Apache as an unmodified upstream: knows nothing of the gateway but the header it is told to trust. */
export interface Apache {
  readonly origin: string;
  readonly port: number;
  /** Folder that holds everything of this server; also a place for clones. */
  readonly folder: string;
  /** Makes an empty repository that is served under `/git/NAME`. */
  readonly addRepository: (name: string) => Promise<void>;
  readonly errorLog: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

export const hasApache = findProgram('apache2') !== null;

const configuration = (folder: string, port: number, account: boolean): string => `
ServerRoot ${folder}
DefaultRuntimeDir ${folder}
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
Mutex file:${folder}
Listen 127.0.0.1:${port}
ServerName upstream.internal
${account ? 'User www-data\nGroup www-data' : ''}
${['mpm_prefork', 'authz_core', 'alias', 'env', 'cgi', 'mime', 'dav', 'dav_fs', 'setenvif']
  .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`)
  .join('\n')}
StartServers 2
MinSpareServers 1
MaxSpareServers 4
MaxRequestWorkers 16
KeepAlive On
KeepAliveTimeout 5
Timeout 60
TypesConfig /dev/null
DocumentRoot ${folder}/htdocs

<Directory ${folder}>
  Require all granted
</Directory>

DavLockDB ${folder}/locks/dav
<Directory ${folder}/htdocs/dav>
  Dav On
</Directory>

SetEnv GIT_PROJECT_ROOT ${folder}/repositories
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv GIT_CONFIG_COUNT 1
SetEnv GIT_CONFIG_KEY_0 safe.directory
SetEnv GIT_CONFIG_VALUE_0 *
ScriptAlias /git/identity ${folder}/cgi/identity
ScriptAlias /cgi/open ${folder}/cgi/identity
ScriptAlias /git/ ${folder}/cgi/git-http-backend/
# git http-backend lets nobody push who is not REMOTE_USER: here the gateway's header says who that is.
SetEnvIf Remote-User "^(.+)$" REMOTE_USER=$1
ScriptAlias /cgi/ ${folder}/cgi/
<Directory ${folder}/cgi>
  Options +ExecCGI
  CGIPassAuth On
</Directory>
`;

// What every CGI that trusts a proxy does: believe HTTP_REMOTE_USER. All the look-alikes fold into the same name.
const identityScript = `#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'user=%s\\n' "$HTTP_REMOTE_USER"
printf 'groups=%s\\n' "$HTTP_REMOTE_GROUPS"
printf 'email=%s\\n' "$HTTP_REMOTE_EMAIL"
printf 'cookie=%s\\n' "$HTTP_COOKIE"
printf 'authorization=%s\\n' "$HTTP_AUTHORIZATION"
env | grep -i '^HTTP_' | sort
`;

async function answers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

/** Starts Apache on a free loopback port with WebDAV (`/dav/`), git smart HTTP (`/git/`) and a trusting CGI (`/cgi/identity`). */
export async function startApache(): Promise<Apache> {
  const binary = findProgram('apache2');
  if (binary === null) throw new Error('apache2 is not installed');
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-apache-'));
  const account = process.getuid?.() === 0 ? await webAccount() : null;
  await chmod(folder, 0o755);
  for (const name of ['htdocs', 'htdocs/dav', 'locks', 'repositories', 'cgi']) {
    await mkdir(join(folder, name));
    if (account !== null) await chown(join(folder, name), account.uid, account.gid);
  }
  await writeFile(join(folder, 'htdocs/index.html'), 'it works\n');
  await writeFile(join(folder, 'cgi/identity'), identityScript, { mode: 0o755 });
  const gitCore = (await run('git', ['--exec-path'])).stdout.trim();
  await writeFile(join(folder, 'cgi/git-http-backend'), `#!/bin/sh\nexec ${gitCore}/git-http-backend\n`, {
    mode: 0o755,
  });

  let child: ChildProcess | null = null;
  let port = 0;
  // The port was free a moment ago; another test may have taken it meanwhile.
  for (let attempt = 0; attempt < 5 && child === null; attempt += 1) {
    port = await freePort();
    await writeFile(join(folder, 'apache.conf'), configuration(folder, port, account !== null));
    const started = spawn(binary, ['-f', join(folder, 'apache.conf'), '-D', 'FOREGROUND'], {
      stdio: 'ignore',
      // Apache ends by signalling its whole process group, which must not be ours.
      detached: true,
    });
    for (let wait = 0; wait < 200 && started.exitCode === null; wait += 1) {
      if (await answers(port)) {
        child = started;
        break;
      }
      await delay(50);
    }
    if (child === null) await endChild(started);
  }
  if (child === null)
    throw new Error(`apache2 did not start: ${await readFile(join(folder, 'error.log'), 'utf8').catch(() => '')}`);
  const running = child;

  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    folder,
    addRepository: async (name) => {
      const path = join(folder, 'repositories', name);
      await run('git', ['init', '--quiet', '--bare', '--initial-branch=main', path]);
      await run('git', ['-C', path, 'config', 'http.receivepack', 'true']);
      if (account !== null) await run('chown', ['-R', `${account.uid}:${account.gid}`, path]);
    },
    errorLog: () => readFile(join(folder, 'error.log'), 'utf8'),
    stop: async () => {
      await endChild(running);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Apache refuses to serve as root; the system's account for web servers takes over. */
async function webAccount(): Promise<{ uid: number; gid: number }> {
  const entry = (await readFile('/etc/passwd', 'utf8')).split('\n').find((line) => line.startsWith('www-data:'));
  const fields = entry?.split(':') ?? [];
  return { uid: Number(fields[2] ?? 33), gid: Number(fields[3] ?? 33) };
}
