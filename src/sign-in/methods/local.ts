import type { Runtime } from '../../runtime.ts';
import { needsRehash, readPasswordHash } from '../../users/password-hash.ts';
import type { PasswordHasher } from '../../users/password-hasher.ts';
import type { UserDirectory } from '../../users/user-directory.ts';
import type { PasswordVerdict } from '../method.ts';
import type { PretendingMethod } from './local-first.ts';

export interface LocalMethodOptions {
  readonly directory: UserDirectory;
  readonly hasher: PasswordHasher;
  readonly runtime: Runtime;
}

/** Users of the users file. A hash that is weaker than it should be is renewed in the background after a sign-in. */
export function createLocalMethod({ directory, hasher, runtime }: LocalMethodOptions): PretendingMethod {
  /** Hashes being renewed, so that tabs that sign in side by side renew one once. */
  const renewing = new Set<string>();

  const renew = async (user: string, password: string, oldHash: string): Promise<void> => {
    const hash = readPasswordHash(oldHash);
    if (!directory.canRehash || hash.kind === 'unusable' || !needsRehash(hash) || renewing.has(oldHash)) return;
    renewing.add(oldHash);
    try {
      const renewed = await directory.rehash(user, oldHash, await hasher.hash(password));
      if (renewed) runtime.log.info('users.hash-renewed', { user });
    } catch (error) {
      // Too busy now: the next sign-in tries again.
      runtime.log.debug('users.rehash-postponed', { user, reason: error instanceof Error ? error.message : 'unknown' });
    } finally {
      renewing.delete(oldHash);
    }
  };

  return {
    kind: 'password',
    id: 'local',
    pretend: async (password) => {
      // Whoever hashes in earnest hears of a full queue.
      await hasher.verify(password, null, directory.profiles).catch(() => false);
    },
    verify: async (user, password): Promise<PasswordVerdict> => {
      const known = directory.find(user);
      const hash = known?.passwordHash ?? '';
      // A disabled user costs as much as an unknown one, with the right password too: time tells nothing.
      const isRight = await hasher.verify(password, known?.disabled ? null : hash, directory.profiles);
      if (known === null) return { kind: 'refused', reason: 'unknown-user' };
      if (known.disabled) return { kind: 'refused', reason: 'user-disabled' };
      if (hash === '') return { kind: 'refused', reason: 'no-password' };
      if (!isRight) return { kind: 'refused', reason: 'wrong-password' };
      // Read anew: the user may have been disabled, or the password changed, while the hash was computed.
      const now = directory.find(user);
      if (now === null) return { kind: 'refused', reason: 'unknown-user' };
      if (now.disabled) return { kind: 'refused', reason: 'user-disabled' };
      if (now.passwordHash !== hash && !(await directory.sameCredential(known.credential, now.credential)))
        return { kind: 'refused', reason: 'wrong-password' };
      void renew(user, password, now.passwordHash);
      return { kind: 'verified', identity: now.identity, credential: now.credential, amr: ['pwd'] };
    },
  };
}
