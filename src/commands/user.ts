import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { createUsersFile, generatePassword } from '../users/first-users-file.ts';
import { createPasswordHasher } from '../users/password-hasher.ts';
import { problemOfNewPassword } from '../users/password-rules.ts';
import { problemOfGroup, problemOfText } from '../users/user-record.ts';
import type { UserRecord } from '../users/user-record.ts';
import { readUsersFile } from '../users/users-file.ts';
import type { EditOutcome, UsersFileEditor } from '../users/users-file-editor.ts';
import { createUsersFileEditor } from '../users/users-file-editor.ts';
import { createAdminClient } from './admin-client.ts';
import { loadForCommand, writeFaults } from './configuration.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';
import { quietRuntime } from './hash-password.ts';
import { readNewPassword } from './password-input.ts';
import { writeUserTable } from './user-table.ts';

interface FileOptions {
  readonly config?: string;
  readonly file?: string;
}

interface PasswordOptions extends FileOptions {
  readonly generate?: true;
}

interface AddOptions extends PasswordOptions {
  readonly name?: string;
  readonly email?: string;
  readonly group?: readonly string[];
}

/** `sallyport user …`: manages the local users. A running gateway takes a change on within a second. */
export function registerUserCommand(program: Command, context: CommandContext): void {
  const users = program
    .command('user')
    .summary('manage the local users')
    .description(
      'Manages the users of the users file. Comments and order in the file stay. A running gateway takes a change on\n' +
        'by itself: who is disabled, removed or has a new password is signed out within seconds.',
    );
  const command = (name: string, summary: string): Command =>
    users
      .command(name)
      .description(summary)
      .option('-c, --config <file>', 'the configuration that names the users file')
      .option('-f, --file <file>', 'the users file itself');
  const withPassword = (one: Command): Command =>
    one.option('--generate', 'make a random password and print it, instead of reading one');

  withPassword(command('add <user>', 'add a user; the password comes from the terminal or standard input'))
    .option('--name <text>', 'name to show')
    .option('--email <address>', 'e-mail address')
    .option('--group <group...>', 'groups')
    .action(action(context, (user: string, options: AddOptions) => add(context, user, options)));
  command('list', 'list the users').action(action(context, (options: FileOptions) => list(context, options)));
  withPassword(command('set-password <user>', 'give a user another password')).action(
    action(context, (user: string, options: PasswordOptions) => setPassword(context, user, options)),
  );
  const simple = (name: string, summary: string, done: string, edit: (editor: UsersFileEditor, user: string) => Edit) =>
    command(`${name} <user>`, summary).action(
      action(context, (user: string, options: FileOptions) =>
        change(context, options, user, done, (editor, canonical) => edit(editor, canonical)),
      ),
    );
  simple('disable', 'let a user sign in no more', 'disabled', (editor, user) => editor.setDisabled(user, true));
  simple('enable', 'let a disabled user sign in again', 'enabled', (editor, user) => editor.setDisabled(user, false));
  users
    .command('release <user>')
    .description(
      'Forgets which account of a provider owns a user name, by asking a running gateway through its admin listener: the\n' +
        'next person whom a provider calls so gets the name, and with it what rules give to it. Ends the sessions under it.',
    )
    .option('-c, --config <file>', 'the configuration that the gateway runs with')
    .action(action(context, (user: string, options: FileOptions) => release(context, user, options)));
  simple('remove', 'take a user out of the file', 'removed', (editor, user) => editor.remove(user));
}

type Edit = Promise<EditOutcome>;

async function add(context: CommandContext, written: string, options: AddOptions): Promise<ExitCode> {
  const path = fileOf(context, options);
  if (path === null) return 2;
  const user = canonicalName(written);
  const { name = '', email = '', group = [] } = options;
  for (const [what, problem] of [
    ['name', problemOfText(name)],
    ['e-mail address', problemOfText(email)],
    ...group.map((one) => [`group ${JSON.stringify(one)}`, problemOfGroup(one)] as const),
  ] as const)
    if (problem !== undefined) throw new GatewayError('usage-invalid', `the ${what} ${problem}`);
  const isMissing = await stat(path).then(
    () => false,
    () => true,
  );
  // Before anybody types a password for nothing.
  const before = isMissing ? null : await readUsersFile(path);
  if (before?.users.some((record) => record.user === user) && before.faults.length === 0)
    return report(context, { kind: 'user-exists' }, user, '');
  const { password, generated } = await newPassword(context, user, options);
  const passwordHash = await hash(context, password);
  const record: UserRecord = { user, name, email, groups: group, passwordHash, disabled: false };
  const { randomBytes } = context;
  const made = isMissing && (await createUsersFile({ path, randomBytes, users: [record] }));
  const code = made
    ? say(context, `added ${user} to the new file ${path}`)
    : report(context, await createUsersFileEditor({ path, randomBytes }).add(record), user, 'added');
  if (code === 0 && generated) context.stdout.write(`password: ${password}   (shown only now)\n`);
  return code;
}

async function setPassword(context: CommandContext, written: string, options: PasswordOptions): Promise<ExitCode> {
  const path = fileOf(context, options);
  if (path === null) return 2;
  const user = canonicalName(written);
  const before = await readUsersFile(path);
  if (before.faults.length === 0 && !before.users.some((record) => record.user === user))
    return report(context, { kind: 'unknown-user' }, user, '');
  const { password, generated } = await newPassword(context, user, options);
  const passwordHash = await hash(context, password);
  const editor = createUsersFileEditor({ path, randomBytes: context.randomBytes });
  const code = report(context, await editor.setPasswordHash(user, passwordHash), user, 'changed the password of');
  if (code === 0 && generated) context.stdout.write(`password: ${password}   (shown only now)\n`);
  return code;
}

async function change(
  context: CommandContext,
  options: FileOptions,
  written: string,
  done: string,
  edit: (editor: UsersFileEditor, user: string) => Edit,
): Promise<ExitCode> {
  const path = fileOf(context, options);
  if (path === null) return 2;
  const user = canonicalName(written);
  return report(
    context,
    await edit(createUsersFileEditor({ path, randomBytes: context.randomBytes }), user),
    user,
    done,
  );
}

async function list(context: CommandContext, options: FileOptions): Promise<ExitCode> {
  const path = fileOf(context, options);
  if (path === null) return 2;
  const { users, faults } = await readUsersFile(path);
  writeFaults(context, faults);
  if (faults.length > 0) return 2;
  writeUserTable(context.stdout, users);
  return 0;
}

async function release(context: CommandContext, written: string, options: FileOptions): Promise<ExitCode> {
  const user = canonicalName(written);
  const loaded = loadForCommand(context, options.config);
  if (loaded === null) return 2;
  const client = createAdminClient(loaded.config.admin.listen);
  const body = await client.ask('DELETE', `/names?user=${encodeURIComponent(user)}`);
  const isReleased = typeof body === 'object' && body !== null && 'released' in body && body.released === true;
  return isReleased
    ? say(context, `released ${user}`)
    : refuse(context, `nobody owns the name ${JSON.stringify(user)}`);
}

/** Null when the configuration has faults, which have been written. */
function fileOf(context: CommandContext, options: FileOptions): string | null {
  if (options.file !== undefined) return resolve(context.cwd, options.file);
  const loaded = loadForCommand(context, options.config);
  if (loaded === null) return null;
  if (loaded.config.signIn.local !== null) return loaded.config.signIn.local.users;
  throw new GatewayError(
    'usage-invalid',
    'the configuration has no local users; write signIn.local, or name the --file',
  );
}

function canonicalName(written: string): string {
  const user = canonicalUserName(written);
  if (user === null)
    throw new GatewayError('usage-invalid', 'the user name is empty, too long, or holds a control character');
  return user;
}

async function newPassword(
  context: CommandContext,
  user: string,
  { generate }: PasswordOptions,
): Promise<{ readonly password: string; readonly generated: boolean }> {
  if (generate) return { password: generatePassword(context.randomBytes), generated: true };
  const password = await readNewPassword(context);
  const problem = problemOfNewPassword(user, password);
  if (problem !== undefined) throw new GatewayError('usage-invalid', problem);
  return { password, generated: false };
}

function hash(context: CommandContext, password: string): Promise<string> {
  return createPasswordHasher({ runtime: quietRuntime(context) }).hash(password);
}

function report(
  context: CommandContext,
  outcome: EditOutcome | { kind: 'unknown-user' },
  user: string,
  done: string,
): ExitCode {
  switch (outcome.kind) {
    case 'written':
      return say(context, `${done} ${user}`);
    case 'faulty':
      writeFaults(context, outcome.file.faults);
      return 2;
    case 'unknown-user':
      return refuse(context, `there is no user ${JSON.stringify(user)}; \`sallyport user list\` shows all`);
    case 'user-exists':
      return refuse(context, `there is a user ${JSON.stringify(user)} already`);
    case 'not-ours':
      return refuse(
        context,
        'the users file is an Apache htpasswd file, which is only read; change it with htpasswd -B',
      );
    case 'changed-meanwhile':
      return refuse(context, 'the file was changed meanwhile; try again');
  }
}

function say({ stdout }: CommandContext, text: string): ExitCode {
  stdout.write(`${text}\n`);
  return 0;
}

function refuse({ stderr }: CommandContext, text: string): ExitCode {
  stderr.write(`sallyport: ${text}\n`);
  return 1;
}
