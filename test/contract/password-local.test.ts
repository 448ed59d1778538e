import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { createLocalMethod } from '../../src/sign-in/methods/local.ts';
import { createUserDirectory } from '../../src/users/directory.ts';
import { createPasswordHasher } from '../../src/users/password-hasher.ts';
import { hashOf } from '../support/passwords.ts';
import { createTestRuntime } from '../support/runtime.ts';
import { makeDirectory } from '../support/temporary.ts';
import { contractPeople, passwordContract, type PasswordWorld } from './password-contract.ts';
import { createStoreWorld } from './stores.ts';

const hashes = Promise.all(contractPeople.map(async ({ user, password }) => [user, await hashOf(password)] as const));

async function open(t: ExecutionContext): Promise<PasswordWorld> {
  const runtime = createTestRuntime();
  const world = await createStoreWorld('memory');
  t.teardown(world.end);
  const file = join(await makeDirectory(t), 'users.yaml');
  const known = new Map(await hashes);
  const shut = new Set(['shut']);
  const directory = createUserDirectory({ file, runtime, store: await world.open() });
  const write = async (): Promise<void> => {
    const users = contractPeople.map(({ user, name, email, groups }) => {
      const disabled = shut.has(user) ? { disabled: true } : {};
      return [user, { name, email, groups, password: known.get(user), ...disabled }];
    });
    await writeFile(file, JSON.stringify({ users: Object.fromEntries(users) as unknown }), { mode: 0o600 });
    t.deepEqual(await directory.reload(), []);
  };
  await write();
  return {
    method: createLocalMethod({ directory, hasher: createPasswordHasher({ runtime }), runtime }),
    id: 'local',
    issuer: 'local',
    lines: () => runtime.lines,
    disable: async (user) => {
      shut.add(user);
      await write();
    },
    setPassword: async (user, password) => {
      known.set(user, await hashOf(password));
      await write();
    },
  };
}

passwordContract(test, 'local', open);
