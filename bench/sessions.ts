import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import { layFoundation } from '../src/server/foundation.ts';
import type { Runtime } from '../src/runtime.ts';

const silent: Runtime['log'] = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** Signs in `count` people (as far as the store can tell) and gives their tokens. */
export async function makeSessions(directory: string, configFile: string, count: number): Promise<readonly string[]> {
  const people = 200;
  const users = Array.from(
    { length: people },
    (_, n) => `  user${n}: { name: User ${n}, email: user${n}@app.test, groups: [staff, editors] }`,
  );
  writeFileSync(join(directory, 'users.yaml'), `users:\n${users.join('\n')}\n`);
  const loaded = loadConfig({ file: configFile, env: {} });
  if (loaded.kind === 'faults') throw new Error(JSON.stringify(loaded.faults));
  const foundation = await layFoundation(loaded.config, { now: Date.now, randomBytes, fetch, log: silent });
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
