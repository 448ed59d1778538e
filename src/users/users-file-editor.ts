import { realpath } from 'node:fs/promises';
import { GatewayError } from '../errors.ts';
import { withFileLock } from './file-lock.ts';
import { replaceFile } from './replace-file.ts';
import type { UserRecord } from './user-record.ts';
import type { UsersFile } from './users-file.ts';
import { readUsersFile } from './users-file.ts';
import { addUser, removeUser, setUserField } from './yaml-edit.ts';
import { readYamlUsers } from './yaml-users.ts';

export interface UsersFileEditorOptions {
  readonly path: string;
  readonly randomBytes: (size: number) => Buffer;
}

export type EditOutcome =
  /** `users`: what the file says now. */
  | { readonly kind: 'written'; readonly file: UsersFile }
  | { readonly kind: 'unknown-user' }
  | { readonly kind: 'user-exists' }
  /** The password is not the expected one any more. */
  | { readonly kind: 'changed-meanwhile' }
  /** The file has faults, which must be put right by hand first. */
  | { readonly kind: 'faulty'; readonly file: UsersFile }
  /** An Apache htpasswd file is read, never written. */
  | { readonly kind: 'not-ours' };

/**
 * Changes a YAML users file: comments and order stay, a reader finds the old or the new file whole, writers take turns. A
 * symbolic link stays one and its target is replaced. All methods reject with `users-file-invalid` when the file can't be
 * written, and then it is as it was. `user` is a canonical name.
 */
export interface UsersFileEditor {
  readonly add: (record: UserRecord) => Promise<EditOutcome>;
  /** With `expected`, only if the user's hash still is that. */
  readonly setPasswordHash: (user: string, hash: string, expected?: string) => Promise<EditOutcome>;
  readonly setDisabled: (user: string, disabled: boolean) => Promise<EditOutcome>;
  readonly remove: (user: string) => Promise<EditOutcome>;
}

/** @example const editor = createUsersFileEditor({ path, randomBytes }); await editor.setDisabled('alice', true) */
export function createUsersFileEditor({ path, randomBytes }: UsersFileEditorOptions): UsersFileEditor {
  const edit = async (change: (file: UsersFile) => NewText | Refusal): Promise<EditOutcome> => {
    const target = await guarded(path, realpath(path));
    return withFileLock({ path: target, randomBytes }, async (lock): Promise<EditOutcome> => {
      const file = await readUsersFile(target);
      if (file.faults.length > 0) return { kind: 'faulty', file };
      if (file.format === 'htpasswd') return { kind: 'not-ours' };
      const changed = change(file);
      if (changed.kind !== 'new-text') return changed;
      const { text } = changed;
      const after = { format: 'yaml', text, ...readYamlUsers(text, target) } as const;
      if (after.faults.length > 0)
        throw new GatewayError('users-file-invalid', `could not change "${path}": the change would break it`);
      const stillOurs = async (): Promise<void> => {
        if (!(await lock.isHeld())) throw new GatewayError('users-file-invalid', `lost the lock of "${path}"`);
      };
      await guarded(path, replaceFile(target, text, randomBytes(6).toString('hex'), stillOurs));
      return { kind: 'written', file: after };
    });
  };
  return {
    add: (record) =>
      edit((file) => (findRecord(file, record.user) ? { kind: 'user-exists' } : newText(addUser(file.text, record)))),
    setPasswordHash: (user, hash, expected) =>
      edit((file) => {
        const record = findRecord(file, user);
        if (record && expected !== undefined && record.passwordHash !== expected) return { kind: 'changed-meanwhile' };
        return newText(setUserField(file.text, user, 'password', hash));
      }),
    setDisabled: (user, disabled) => edit((file) => newText(setUserField(file.text, user, 'disabled', disabled))),
    remove: (user) => edit((file) => newText(removeUser(file.text, user))),
  };
}

interface NewText {
  readonly kind: 'new-text';
  readonly text: string;
}

type Refusal = Extract<EditOutcome, { kind: 'unknown-user' | 'user-exists' | 'changed-meanwhile' }>;

/** Null: there was no such user. */
function newText(text: string | null): NewText | Refusal {
  return text === null ? { kind: 'unknown-user' } : { kind: 'new-text', text };
}

function findRecord(file: UsersFile, user: string): UserRecord | undefined {
  return file.users.find((record) => record.user === user);
}

async function guarded<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    throw new GatewayError('users-file-invalid', `could not write users file "${path}"`, { cause: error });
  }
}
