import type { Fault } from '../faults.ts';
import type { Identity } from '../identity/identity.ts';
import type { CostProfile } from './password-hash.ts';

/** One user of the users file. */
export interface DirectoryUser {
  /** With `method: local` and no claims. The same object as long as the file says the same of this user. */
  readonly identity: Identity;
  readonly disabled: boolean;
  /** PHC or crypt text as the file has it; empty when the user has no password. */
  readonly passwordHash: string;
  /** Fingerprint of the password hash, for sessions to remember. It opens nothing. */
  readonly credential: string;
}

/**
 * The local users, as the users file said when it was last read without fault. Lookups are synchronous and in memory.
 */
export interface UserDirectory {
  /** Grows by one whenever the users changed; equal revisions mean equal users. */
  readonly revision: number;
  /** Kinds of password hashes in the file, for refusals that take the same time whoever is asked for. */
  readonly profiles: readonly CostProfile[];
  /** Hashes can be renewed: the file is in our own format (an htpasswd file is only read) and could be written so far. */
  readonly canRehash: boolean;
  /** Looks up a canonical user name. Null for a user who is not there; a disabled user is found, with `disabled` set. */
  readonly find: (user: string) => DirectoryUser | null;
  /** Reads the file again. Faults change nothing, are logged and returned; an empty list means that the file is in force. */
  readonly reload: () => Promise<readonly Fault[]>;
  /**
   * Replaces a user's hash by a new one of the same password, provided that it still is `oldHash`. Live sessions of the user go on.
   * Never rejects: a file that can't be written is logged. False when nothing was written.
   */
  readonly rehash: (user: string, oldHash: string, newHash: string) => Promise<boolean>;
  /**
   * True when a session made with `sessionCredential` is still good for a user whose credential is now `currentCredential`:
   * they are equal, or the current one is a mere rehash of the other, by any process on this store.
   * Synchronous when equal; rejects with `store-unavailable`.
   */
  readonly sameCredential: (sessionCredential: string, currentCredential: string) => boolean | Promise<boolean>;
}
