import { setTimeout as delay } from 'node:timers/promises';
import type { UserDirectory } from '../../users/user-directory.ts';
import type { PasswordMethod } from '../method.ts';

/** A directory that stands still tells them apart anyway: its names are answered 503. The others shall not wait for it. */
const paddingAtMostMs = 2_000;

/** A method whose cost can be had without asking about anybody. */
export interface PretendingMethod extends PasswordMethod {
  /** Takes about as long as a wrong password. Never rejects. */
  readonly pretend: (password: string) => Promise<void>;
}

export interface LocalFirstOptions {
  readonly directory: Pick<UserDirectory, 'find'>;
  readonly local: PretendingMethod;
  readonly other: PretendingMethod;
}

/**
 * The users file and a directory behind one form. A name of the users file is asked of the file alone, also when it is disabled
 * or the password is wrong; every other name of the directory alone. Whoever is refused has waited for both, so that time does
 * not tell which of the two knows a name; a right password does not wait for the other.
 */
export function createLocalFirst({ directory, local, other }: LocalFirstOptions): PasswordMethod {
  return {
    kind: 'password',
    id: 'password',
    verify: async (user, password) => {
      const [asked, unasked] = directory.find(user) === null ? [other, local] : [local, other];
      const padding = unasked.pretend(password);
      const verdict = await asked.verify(user, password);
      if (verdict.kind === 'verified') return verdict;
      await Promise.race([padding, delay(paddingAtMostMs, undefined, { ref: false })]);
      return { method: asked.id, ...verdict };
    },
  };
}
