import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeLoadScript } from '../load.ts';
import type { Subject } from '../measure.ts';
import { freePort, has, startTarget, versionOf, type Target } from '../targets.ts';
import { client, signInMany } from './provider.ts';

const moduleFolder = '/usr/lib/apache2/modules';
/** Its shared-memory cache holds 500 entries by default, three for each of these, and is searched from end to end. */
const sessions = 100;

/** Apache with mod_auth_openidc and sessions in shared memory, with people signed in; null where there is none. */
export async function startApache(directory: string, upstreamPort: number, provider: Target): Promise<Subject | null> {
  if (!has('apache2') || !existsSync(join(moduleFolder, 'mod_auth_openidc.so'))) return null;
  const port = await freePort();
  const home = join(directory, 'apache');
  mkdirSync(home);
  const modules = [
    'mpm_event',
    'authn_core',
    'authz_core',
    'authz_user',
    'proxy',
    'proxy_http',
    'log_config',
    'headers',
    'auth_openidc',
  ].flatMap((name) => {
    const file = join(moduleFolder, `mod_${name}.so`);
    return existsSync(file) ? [`LoadModule ${name}_module ${file}`] : [];
  });
  writeFileSync(
    join(home, 'apache.conf'),
    `ServerRoot ${home}
PidFile ${home}/apache.pid
DefaultRuntimeDir ${home}
ErrorLog ${home}/error.log
ServerName app.test
Listen 127.0.0.1:${port}
${modules.join('\n')}
BufferedLogs On
LogFormat "%h %l %u %t \\"%r\\" %>s %b" common
CustomLog ${home}/access.log common
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
ServerLimit 2
StartServers 1
ThreadsPerChild 128
ThreadLimit 128
MaxRequestWorkers 256
UseCanonicalName On
OIDCProviderMetadataURL http://127.0.0.1:${provider.port}/.well-known/openid-configuration
OIDCClientID ${client.id}
OIDCClientSecret ${client.secret}
OIDCRedirectURI http://app.test/redirect_uri
OIDCCryptoPassphrase bench-passphrase
OIDCScope "openid email profile"
OIDCCacheType shm
<Location />
  AuthType openid-connect
  Require valid-user
</Location>
ProxyPreserveHost On
ProxyPass /redirect_uri !
ProxyPass / http://127.0.0.1:${upstreamPort}/ keepalive=On max=128
`,
  );
  const target = await startTarget({
    name: 'Apache + mod_auth_openidc (shm)',
    port,
    command: 'apache2',
    args: ['-DFOREGROUND', '-f', join(home, 'apache.conf')],
    cwd: home,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
    version: versionOf('apache2', '-v'),
  });
  try {
    const tokens = await signInMany(target, provider, 'mod_auth_openidc_session', sessions);
    return { target, script: writeLoadScript(directory, { cookieName: 'mod_auth_openidc_session', tokens }) };
  } catch (error) {
    await target.stop();
    throw error;
  }
}
