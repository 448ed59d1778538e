import { writeLoadScript } from '../load.ts';
import type { Subject } from '../measure.ts';
import { freePort, has, startTarget, versionOf, type Target } from '../targets.ts';
import { client, signInMany } from './provider.ts';

/** All the state is in its cookies, so more people would change nothing. */
const sessions = 50;

/** oauth2-proxy with its cookie sessions, with people signed in; null where there is none. */
export async function startOauth2Proxy(
  directory: string,
  upstreamPort: number,
  provider: Target,
): Promise<Subject | null> {
  if (!has('oauth2-proxy')) return null;
  const port = await freePort();
  const target = await startTarget({
    name: 'oauth2-proxy (cookie sessions)',
    port,
    command: 'oauth2-proxy',
    args: [
      '--provider=oidc',
      `--oidc-issuer-url=http://127.0.0.1:${provider.port}`,
      `--client-id=${client.id}`,
      `--client-secret=${client.secret}`,
      '--redirect-url=http://app.test/oauth2/callback',
      `--http-address=127.0.0.1:${port}`,
      `--upstream=http://127.0.0.1:${upstreamPort}`,
      '--email-domain=*',
      '--cookie-secret=0123456789abcdef0123456789abcdef',
      '--cookie-secure=false',
      '--skip-provider-button=true',
      '--insecure-oidc-allow-unverified-email=true',
    ],
    cwd: directory,
    env: { GOMAXPROCS: '1' },
    version: versionOf('oauth2-proxy', '--version'),
  });
  try {
    const tokens = await signInMany(target, provider, '_oauth2_proxy', sessions);
    return { target, script: writeLoadScript(directory, { cookieName: '_oauth2_proxy', tokens }) };
  } catch (error) {
    await target.stop();
    throw error;
  }
}
