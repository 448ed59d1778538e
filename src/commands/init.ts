import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { GatewayError } from '../errors.ts';
import { createFirstUsersFile } from '../users/first-users-file.ts';
import { createPasswordHasher } from '../users/password-hasher.ts';
import { nearName } from './configuration.ts';
import type { CommandContext, ExitCode } from './context.ts';
import { action } from './context.ts';
import { quietRuntime } from './hash-password.ts';

const configuration = `# A sign-in in front of a web app. Every key: docs/configuration.md, or \`sallyport schema\` for your editor.
server:
  listen: 127.0.0.1:8080            # where visitors reach the gateway; put TLS in front, or keep it on this machine
  publicUrl: http://localhost:8080  # the same as visitors write it: https://auth.example.com
store:
  secret: \${file:./secret}          # seals the sessions; keep it secret, the same on every instance
signIn:
  local: { users: ./users.yaml }    # who may sign in; \`sallyport user add NAME\` adds one
routes:
  - upstream: http://127.0.0.1:3000 # your app; everybody who is signed in may pass
`;

/** `sallyport init`: writes what a first start needs; never over anything. */
export function registerInitCommand(program: Command, context: CommandContext): void {
  program
    .command('init')
    .summary('write a first configuration, a users file and a secret')
    .description(
      'Writes sallyport.yaml (ten lines with comments), users.yaml (one user, whose password is printed once) and\n' +
        'secret (readable by its owner alone). Existing files are never overwritten.',
    )
    .argument('[dir]', 'where to write', '.')
    .action(action(context, (directory: string) => init(context, resolve(context.cwd, directory))));
}

async function init(context: CommandContext, directory: string): Promise<ExitCode> {
  const config = join(directory, 'sallyport.yaml');
  const users = join(directory, 'users.yaml');
  const secret = join(directory, 'secret');
  const present = [config, users, secret].filter((file) => existsSync(file));
  if (present.length > 0)
    throw new GatewayError(
      'usage-invalid',
      `found ${present.join(', ')}, which stays as it is; name another directory, or take it away`,
    );
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(secret, `${context.randomBytes(32).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' });
    await writeFile(config, configuration, { flag: 'wx' });
    const hasher = createPasswordHasher({ runtime: quietRuntime(context) });
    const first = await createFirstUsersFile({ path: users, hasher, randomBytes: context.randomBytes });
    context.stdout.write(`wrote ${config}, ${users}, ${secret}\n\n`);
    if (first) context.stdout.write(`  user      ${first.user}\n  password  ${first.password}   (shown only now)\n\n`);
    context.stdout.write(`next: sallyport start --config ${nearName(context, config)}\n`);
    return 0;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'unknown error';
    throw new GatewayError('internal', `could not write to ${directory}: ${reason}`, { cause });
  }
}
