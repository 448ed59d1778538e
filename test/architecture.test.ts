import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import typescript from 'typescript';

/**
 * Who may import whom: to the right (here: downwards) only; two on one line don't know each other. Files at the root of
 * src/ that are no room of their own (`errors.ts` and its like) stand at the very end, for everybody.
 */
const order = [
  ['cli'],
  ['commands'],
  ['supervisor'],
  ['gateway'],
  ['config'],
  ['server'],
  ['response', 'account', 'admin', 'upstream'],
  ['sign-in', 'second-factor', 'observability'],
  ['gate'],
  ['route', 'authentication'],
  ['policy', 'session', 'users', 'access-token'],
  ['identity', 'store'],
  ['request'],
  ['errors', 'faults', 'quantities', 'runtime'],
];

/** Rooms of npm packages; a package that is not named here may stand nowhere. */
const packageRooms: Record<string, readonly string[]> = {
  koa: ['server', 'response', 'account'],
  'koa-router': ['server', 'response', 'account'],
  undici: ['upstream'],
  'http-proxy': ['upstream'],
  keyv: ['store', 'session'],
  '@keyv/redis': ['store'],
  ldapts: ['sign-in'],
  jose: ['identity', 'authentication', 'sign-in'],
  'openid-client': ['sign-in'],
  yaml: ['config', 'users'],
  '@node-rs/bcrypt': ['users'],
  commander: ['commands'],
  'prom-client': ['observability', 'admin'],
};

/** These know nothing of the gateway, and it knows nothing of them. */
const apart = ['demo'];

const longestFile = 250;

const root = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const texts = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));

function importsOf(file: string): readonly string[] {
  return typescript.preProcessFile(texts.get(file) ?? '').importedFiles.map(({ fileName }) => fileName);
}

const roomOf = (file: string): string => (file.split('/')[0] ?? '').replace(/\.ts$/, '');
const rankOf = (room: string): number => order.findIndex((rooms) => rooms.includes(room));

test('every file stands in a room that has its place', (t) => {
  t.deepEqual(
    files.map(roomOf).filter((room) => rankOf(room) === -1 && !apart.includes(room)),
    [],
  );
});

test('imports go to the right only', (t) => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => name.startsWith('.'))
      .map((name) => normalize(join(dirname(file), name)))
      .filter((target) => {
        const [from, to] = [roomOf(file), roomOf(target)];
        return from !== to && (apart.includes(from) || apart.includes(to) || rankOf(from) >= rankOf(to));
      })
      .map((target) => `${file} imports ${target}`),
  );
  t.deepEqual(wrong, []);
});

test('npm packages stay in their rooms', (t) => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
      .filter((name) => {
        // The definition of the configuration stands in slices beside the code that it configures.
        if (name === 'zod')
          return !/(^|\/)config\.ts$|^config\/|^quantities\.ts$|^request\/client-address\.ts$/.test(file);
        return !packageRooms[name]?.includes(roomOf(file));
      })
      .map((name) => `${file} imports ${name}`),
  );
  t.deepEqual(wrong, []);
});

test('only cli.ts touches the process', (t) => {
  const wrong = files.filter((file) => {
    const code = (texts.get(file) ?? '').replaceAll(/\/\*[^]*?\*\/|\/\/.*$/gm, '');
    return file !== 'cli.ts' && /\bprocess\.|from 'node:process'/.test(code);
  });
  t.deepEqual(wrong, []);
});

test('nothing is exported by default, and no file keeps state that changes', (t) => {
  const wrong = [...texts].filter(([, text]) => /^export default\b|^(export )?(let|var) /m.test(text));
  t.deepEqual(
    wrong.map(([file]) => file),
    [],
  );
});

test(`no file is longer than ${longestFile} lines`, (t) => {
  const long = [...texts].filter(([, text]) => text.split('\n').length - 1 > longestFile);
  t.deepEqual(
    long.map(([file]) => file),
    [],
  );
});
