import { mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { spawnTestGateway } from '../support/gateway.ts';
import type { SpawnedGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { eventually } from '../support/programs.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo, socketClosed, type Visitor } from '../support/visitor.ts';

// A changed file takes effect by itself; a faulty one changes nothing and says why.
const password = 'correct horse battery staple';

type People = Record<string, Record<string, unknown>>;

async function setScene(end: (teardown: () => Promise<void>) => void, server: Record<string, unknown> = {}) {
  const app = await startStoryApp();
  end(app.stop);
  const people: People = {
    alice: { groups: ['editors'], password: await hashOf(password) },
    bob: { groups: ['editors'], password: await hashOf(password) },
  };
  const gateway = await spawnTestGateway({
    config: {
      server,
      store: { url: 'sqlite:./sallyport.db' },
      // Sign-ins are tried here until a change of the users has arrived.
      signIn: { throttle: { failures: 1_000 } },
      routes: [
        { id: 'app', path: '/', upstream: app.origin, access: 'signed-in' },
        { id: 'desk', path: '/desk', upstream: app.origin, access: [{ allow: { groups: ['editors'] } }] },
        { id: 'ws', path: '/ws', upstream: app.origin, access: [{ allow: { groups: ['editors'] } }] },
      ],
    },
    users: stringify({ users: people }),
  });
  end(gateway.stop);
  const configFile = join(gateway.directory, 'sallyport.yaml');
  const usersFile = join(gateway.directory, 'users.yaml');
  return { app, gateway, people, configFile, usersFile, text: await readFile(configFile, 'utf8') };
}

const anonymousStatus = async (gateway: SpawnedGateway): Promise<number> =>
  (await sendTo(gateway.port, '/x', { headers: { accept: 'application/json' } })).status;

const opened = (text: string): string => text.replace('access: signed-in', 'access: public');

async function writeByRename(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

test('takes a changed configuration over: written in place, renamed over, and on SIGHUP', async (t) => {
  t.timeout(100_000);
  const { gateway, configFile, text } = await setScene((end) => t.teardown(end));
  t.is(await anonymousStatus(gateway), 401);
  await writeFile(configFile, opened(text));
  await eventually('written in place', async () => (await anonymousStatus(gateway)) === 200);
  await writeByRename(configFile, text);
  await eventually('renamed over', async () => (await anonymousStatus(gateway)) === 401);
  await writeByRename(configFile, opened(text));
  await eventually('renamed over again', async () => (await anonymousStatus(gateway)) === 200);
  await writeFile(configFile, text);
  gateway.signal('SIGHUP');
  await eventually('SIGHUP', async () => (await anonymousStatus(gateway)) === 401);
  t.is(gateway.exit(), null);
});

test('takes a changed configuration over when a symbolic link is turned to another folder', async (t) => {
  t.timeout(100_000);
  const { gateway, configFile, text } = await setScene((end) => t.teardown(end));
  // As Kubernetes mounts a ConfigMap: the file is a link into ..data, and ..data is a link that is swapped.
  const folder = gateway.directory;
  for (const [version, content] of Object.entries({ v1: text, v2: opened(text), v3: text })) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'sallyport.yaml'), content, { mode: 0o600 });
  }
  const turn = async (version: string): Promise<void> => {
    await symlink(version, join(folder, '..data_tmp'));
    await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  await turn('v1');
  await symlink('..data/sallyport.yaml', `${configFile}.new`);
  await rename(`${configFile}.new`, configFile);
  t.is(await anonymousStatus(gateway), 401);
  await turn('v2');
  await eventually('the link was turned', async () => (await anonymousStatus(gateway)) === 200);
  await turn('v3');
  await eventually('the link was turned again', async () => (await anonymousStatus(gateway)) === 401);
});

test('P296 cfg-reload: a faulty file leaves the old rules in force and is told of with its place', async (t) => {
  t.timeout(100_000);
  const { gateway, configFile, text } = await setScene((end) => t.teardown(end));
  const faulty = [
    text.replace('access: signed-in', 'acess: public'),
    text.replace('access: signed-in', 'access: everybody'),
    `${opened(text)}\n  - broken: [yaml`,
    '',
    opened(text).replace('path: /desk', 'path: /'),
    opened(text).replace('groups:', 'grups:'),
  ];
  for (const content of faulty) {
    t.not(content, text);
    const before = gateway.logs().length;
    await writeFile(configFile, content);
    gateway.signal('SIGHUP');
    const line = await eventually('the refusal is logged', () =>
      gateway
        .logs()
        .slice(before)
        .find((entry) => /"level":(50|"error")|ERROR/.test(entry) && /sallyport\.yaml:\d+:\d+/.test(entry)),
    );
    t.truthy(line);
    t.is(await anonymousStatus(gateway), 401, 'never open');
  }
  await writeFile(configFile, opened(text));
  await eventually('the mended file is taken over', async () => (await anonymousStatus(gateway)) === 200);
  t.is(gateway.exit(), null);
});

test('keeps running requests and open WebSockets over a reload that does not concern them', async (t) => {
  t.timeout(100_000);
  const { app, gateway, configFile, text } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const held = alice.send('/held');
  const socket = await alice.openSocket('/ws');
  await eventually('the request is under way', () => app.held() === 1);
  await writeFile(configFile, opened(text));
  await eventually('the new rules are in force', async () => (await anonymousStatus(gateway)) === 200);
  app.release();
  t.is((await held).text, 'held\nreleased\n');
  const echoed = new Promise<string>((resolve) => socket.once('message', (data: Buffer) => resolve(String(data))));
  socket.send('still there?');
  t.is(await echoed, 'still there?');
  t.is((await alice.navigate('/desk')).status, 200, 'the session goes on');
  socket.terminate();
});

for (const workers of [1, 2]) {
  const changes: Record<string, { change: (people: People) => Promise<People>; path: string; status: number }> = {
    'loses a group': {
      change: (people) => Promise.resolve({ ...people, alice: { ...people['alice'], groups: ['readers'] } }),
      path: '/desk',
      status: 403,
    },
    'is disabled': {
      change: (people) => Promise.resolve({ ...people, alice: { ...people['alice'], disabled: true } }),
      path: '/x',
      status: 302,
    },
    'is removed': {
      change: (people) => Promise.resolve({ bob: people['bob'] ?? {} }),
      path: '/x',
      status: 302,
    },
    'gets another password': {
      change: async (people) => ({ ...people, alice: { ...people['alice'], password: await hashOf('another one') } }),
      path: '/x',
      status: 302,
    },
  };
  test(`takes access away within seconds from who changes in the users file, with ${workers} worker(s)`, async (t) => {
    t.timeout(100_000);
    const { gateway, people, usersFile } = await setScene((end) => t.teardown(end), { workers });
    // Each process reads the file by itself: until all have, one may still know what another has forgotten. Every request
    // has a connection of its own, so that a dozen in a row come to all of them.
    const answersAre = async (visitor: Visitor, path: string, status: number): Promise<boolean> => {
      for (let count = 0; count < 12; count += 1) if ((await visitor.navigate(path)).status !== status) return false;
      return true;
    };
    for (const [what, { change, path, status }] of Object.entries(changes)) {
      const alice = createVisitor(gateway.port);
      t.is((await alice.signIn('alice', password)).status, 303, what);
      const bob = createVisitor(gateway.port);
      await bob.signIn('bob', password);
      const sockets = await Promise.all(Array.from({ length: 4 }, () => alice.openSocket('/ws')));
      const bobs = await bob.openSocket('/ws');
      t.is((await alice.navigate(path)).status, 200, what);

      await writeByRename(usersFile, stringify({ users: await change(people) }));
      // No request is made meanwhile: the socket must fall by itself.
      const codes = Promise.all(sockets.map(socketClosed));
      await eventually(`${what}: the sockets close`, () => sockets.every((one) => one.readyState === one.CLOSED));
      t.true((await codes).every((code) => code !== 1000));
      await eventually(`${what}: requests are refused`, () => answersAre(alice, path, status));
      for (let count = 0; count < 6; count += 1) t.is((await alice.navigate(path)).status, status, what);
      t.is(bobs.readyState, bobs.OPEN, 'nobody else is concerned');
      t.is((await bob.navigate('/desk')).status, 200);
      bobs.terminate();

      await writeByRename(usersFile, stringify({ users: people }));
      await eventually('the users are as before', async () => {
        const again = createVisitor(gateway.port);
        await again.signIn('alice', password);
        return again.token() !== null && answersAre(again, '/desk', 200);
      });
    }
  });
}

test('keeps the old users when the users file is faulty', async (t) => {
  t.timeout(100_000);
  const { gateway, usersFile, people } = await setScene((end) => t.teardown(end));
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);
  const before = gateway.logs().length;
  await writeByRename(usersFile, 'users: [this is: not a users file');
  await eventually('the refusal is logged', () =>
    gateway
      .logs()
      .slice(before)
      .some((line) => line.includes('users')),
  );
  t.is((await alice.navigate('/desk')).status, 200);
  t.is((await createVisitor(gateway.port).signIn('bob', password)).status, 303);
  await writeByRename(usersFile, stringify({ users: { bob: people['bob'] } }));
  await eventually('the mended file is in force', async () => (await alice.navigate('/desk')).status === 302);
});

test('names the settings that need a restart as long as they differ from what runs, and no longer', async (t) => {
  t.timeout(100_000);
  const { gateway, configFile, text } = await setScene((end) => t.teardown(end));
  const reloads = (): readonly string[] => gateway.logs().filter((entry) => entry.includes('config.reloaded'));
  const told = (): readonly string[] => gateway.logs().filter((entry) => entry.includes('config.needs-restart'));
  const write = async (content: string): Promise<void> => {
    const before = reloads().length;
    await writeByRename(configFile, content);
    await eventually('taken over', () => reloads().length > before);
  };
  const changed = `${text}\nsession: { idleTimeout: 2h }\nlog: { level: debug }\n`;
  await write(changed);
  t.regex(told().at(-1) ?? '', /"settings":"session, log\.level"/);
  await write(`${changed}# and once more\n`);
  t.is(told().length, 2);
  await write(text);
  t.is(told().length, 2);
});
