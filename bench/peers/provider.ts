import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { ask } from '../http.ts';
import { freePort, startTarget, type Target } from '../targets.ts';

export const client = { id: 'bench', secret: 'bench-secret-bench-secret-bench-secret' } as const;

/** The OpenID provider that peers sign people in with. */
export async function startProvider(directory: string): Promise<Target> {
  const port = await freePort();
  return startTarget({
    name: 'oidc-provider',
    port,
    command: process.execPath,
    args: [join(import.meta.dirname, 'provider-main.ts'), `${port}`],
    cwd: directory,
    version: '',
  });
}

/** Signs people in and makes sure that all of them get in; gives their tokens. */
export async function signInMany(
  gateway: Target,
  provider: Target,
  cookieName: string,
  count: number,
): Promise<readonly string[]> {
  const tokens: string[] = [];
  for (let done = 0; done < count; done += 1) tokens.push(await signInThrough(gateway, provider, cookieName));
  for (const token of tokens) {
    const { status } = await ask(gateway.port, 'GET', '/wiki/page', {
      Host: 'app.test',
      Cookie: `${cookieName}=${token}`,
    });
    if (status !== 200) throw new Error(`${gateway.name} answered ${status} to somebody who is signed in`);
  }
  return tokens;
}

/** Signs one person in at a gateway by following redirects as a browser does; gives the gateway's session cookie. */
async function signInThrough(gateway: Target, provider: Target, cookieName: string): Promise<string> {
  const jars = { gateway: new Map<string, string>(), provider: new Map<string, string>() };
  let url = new URL('http://app.test/wiki/page');
  for (let hop = 0; hop < 12; hop += 1) {
    const isGateway = url.hostname === 'app.test';
    const jar = isGateway ? jars.gateway : jars.provider;
    const answer = await get(isGateway ? gateway.port : provider.port, url, jar);
    answer.resume();
    const token = jars.gateway.get(cookieName);
    if (isGateway && token !== undefined && token !== '') return token;
    const { location } = answer.headers;
    if (location === undefined) throw new Error(`${gateway.name}: ${url.pathname} answered ${answer.statusCode}`);
    url = new URL(location, url);
  }
  throw new Error(`${gateway.name}: signing in goes round in circles`);
}

function get(port: number, url: URL, jar: Map<string, string>): Promise<IncomingMessage> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  return new Promise((resolve, reject) => {
    const asking = request(
      {
        host: '127.0.0.1',
        port,
        path: `${url.pathname}${url.search}`,
        headers: { Host: url.host, Accept: 'text/html', ...(cookie !== '' && { Cookie: cookie }) },
        timeout: 10_000,
      },
      (answer) => {
        for (const line of answer.headers['set-cookie'] ?? []) {
          const [, name = '', value = ''] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
          if (value === '') jar.delete(name);
          else jar.set(name, value);
        }
        resolve(answer);
      },
    );
    asking.once('timeout', () => asking.destroy(new Error('no answer')));
    asking.once('error', reject);
    asking.end();
  });
}
