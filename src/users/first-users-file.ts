import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError } from '../errors.ts';
import type { PasswordHasher } from './password-hasher.ts';
import { createFile } from './replace-file.ts';
import { addUser } from './yaml-edit.ts';
import type { UserRecord } from './user-record.ts';

/** 32 letters and digits that can't be taken for one another. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

const header = `# Local users: \`sallyport user --help\` changes this file and keeps its comments.
# Passwords are argon2id hashes, from \`sallyport hash-password\`.
users: {}
`;

/** A random password that people can read out: four groups of five characters, 100 bits. */
export function generatePassword(randomBytes: (size: number) => Buffer): string {
  const characters = Array.from(randomBytes(20), (byte) => alphabet[byte % alphabet.length]);
  return [0, 5, 10, 15].map((start) => characters.slice(start, start + 5).join('')).join('-');
}

export interface FirstUsersFileOptions {
  readonly path: string;
  readonly hasher: PasswordHasher;
  readonly randomBytes: (size: number) => Buffer;
}

/**
 * Makes a users file with the user `admin` where there is none, mode 0600. Returns the password, which is kept nowhere else, or
 * null when there is a file already, be it made by another process just now. Rejects with `users-file-invalid`.
 */
export async function createFirstUsersFile(
  options: FirstUsersFileOptions,
): Promise<{ readonly user: string; readonly password: string } | null> {
  const password = generatePassword(options.randomBytes);
  const passwordHash = await options.hasher.hash(password);
  const admin = { user: 'admin', name: 'Administrator', email: '', groups: ['admins'], passwordHash, disabled: false };
  const made = await createUsersFile({ path: options.path, randomBytes: options.randomBytes, users: [admin] });
  return made ? { user: admin.user, password } : null;
}

/** Makes a users file, mode 0600, with its directory. False when there is one already. Rejects with `users-file-invalid`. */
export async function createUsersFile(options: {
  readonly path: string;
  readonly randomBytes: (size: number) => Buffer;
  readonly users: readonly UserRecord[];
}): Promise<boolean> {
  const { path, randomBytes, users } = options;
  try {
    await mkdir(dirname(path), { recursive: true });
    return await createFile(path, users.reduce(addUser, header), randomBytes(6).toString('hex'));
  } catch (error) {
    throw new GatewayError('users-file-invalid', `could not make users file "${path}"`, { cause: error });
  }
}
