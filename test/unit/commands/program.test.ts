import test from 'ava';
import { runCommand } from '../../support/command.ts';

test('prints its help and its version when asked, exit code 0', async (t) => {
  const help = await runCommand(['--help']);
  t.is(help.code, 0);
  t.regex(help.stdout, /Usage: sallyport .*check .*schema /s);
  t.deepEqual(await runCommand(['--version']), { code: 0, stdout: '1.2.3\n', stderr: '' });
});

test('has a help for every command', async (t) => {
  const { stdout } = await runCommand(['--help']);
  const names = [...stdout.matchAll(/^ {2}([a-z-]+)(?= .*\S)/gm)].map(([, name = '']) => name);
  t.true(names.length > 3);
  for (const name of names.filter((command) => command !== 'help')) {
    const help = await runCommand([name, '--help']);
    t.is(help.code, 0, name);
    t.regex(help.stdout, new RegExp(`^Usage: sallyport ${name}.*\\n\\n\\S`), name);
  }
});

test('refuses what it does not know with exit code 2 and the nearest name', async (t) => {
  t.deepEqual(await runCommand(['chek']), {
    code: 2,
    stdout: '',
    stderr: "sallyport: unknown command 'chek'\n(Did you mean check?)\n",
  });
  const option = await runCommand(['check', '--confg', 'x']);
  t.is(option.code, 2);
  t.regex(option.stderr, /unknown option '--confg'\n\(Did you mean --config\?\)/);
  t.is((await runCommand(['schema', 'more'])).code, 2);
  t.is((await runCommand(['check', '--config'])).code, 2);
});

test('tells how it is used when no command is named, exit code 2', async (t) => {
  const { code, stderr } = await runCommand([]);
  t.is(code, 2);
  t.regex(stderr, /^Usage: sallyport/);
});

test('prints the JSON Schema and the reference page', async (t) => {
  const schema = await runCommand(['schema']);
  t.is(schema.code, 0);
  t.is((JSON.parse(schema.stdout) as { title: string }).title, 'Configuration of Sallyport');
  t.regex((await runCommand(['schema', '--markdown'])).stdout, /^# Configuration\n/);
});
