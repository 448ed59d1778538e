import { createHash } from 'node:crypto';
import { hasCode } from '../errors.ts';
import type { Fault } from '../faults.ts';
import { describeFault } from '../faults.ts';
import { localIssuer, type Identity } from '../identity/identity.ts';
import type { Runtime } from '../runtime.ts';
import type { CostProfile } from './password-hash.ts';
import { costProfileOf, needsRehash, readPasswordHash } from './password-hash.ts';
import type { RehashNamespace } from './rehash-records.ts';
import { createRehashRecords } from './rehash-records.ts';
import type { DirectoryUser, UserDirectory } from './user-directory.ts';
import type { UserRecord } from './user-record.ts';
import type { UsersFile } from './users-file.ts';
import { readUsersFile } from './users-file.ts';
import { createUsersFileEditor } from './users-file-editor.ts';

/** Kinds of hashes that a refused sign-in works through; more would only help who wants to keep the machine busy. */
const maxProfiles = 4;

export interface UserDirectoryOptions {
  /** Absolute path of the users file, YAML or htpasswd; null: there are no local users. */
  readonly file: string | null;
  readonly runtime: Runtime;
  /** Keeps which hash was made from which, in its namespace `rehash`. */
  readonly store: { readonly namespace: (name: string) => RehashNamespace };
}

/**
 * Local users from a file. Empty until the first `reload`, whose faults should keep the gateway from starting; later ones are
 * called by whoever watches the file.
 *
 * @example const directory = createUserDirectory({ file, runtime, store }); const faults = await directory.reload()
 */
export function createUserDirectory({ file, runtime, store }: UserDirectoryOptions): UserDirectory {
  const { log, randomBytes } = runtime;
  const rehashes = createRehashRecords(store.namespace('rehash'));
  const editor = file === null ? null : createUsersFileEditor({ path: file, randomBytes });
  let users: ReadonlyMap<string, DirectoryUser> = new Map();
  let profiles: readonly CostProfile[] = [];
  let text: string | null = null;
  let revision = 0;
  let canRehash = false;
  // Readings take turns, so that an older one never overtakes a newer one.
  let turn: Promise<unknown> = Promise.resolve();

  const adopt = (content: UsersFile): readonly Fault[] => {
    if (content.faults.length > 0) {
      const first = content.faults[0];
      log.error('users.reload-failed', { faults: content.faults.length, first: first ? describeFault(first) : '' });
      return content.faults;
    }
    if (content.text === text) return [];
    text = content.text;
    canRehash = content.format === 'yaml';
    users = new Map(content.users.map((record) => [record.user, toUser(record, users.get(record.user))]));
    profiles = prevailingProfiles(content.users);
    revision += 1;
    log.info('users.loaded', { users: users.size, revision });
    for (const fault of content.weakFaults) log.warn('users.entry-ignored', { fault: describeFault(fault) });
    const weak = content.users.filter(({ passwordHash }) => isWeak(passwordHash)).length;
    if (weak > 0) log.warn('users.weak-hashes', { users: weak, renewed: canRehash });
    return [];
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  };

  return {
    get revision() {
      return revision;
    },
    get profiles() {
      return profiles;
    },
    get canRehash() {
      return canRehash;
    },
    find: (user) => users.get(user) ?? null,
    reload: () => inTurn(async () => (file === null ? [] : adopt(await readUsersFile(file)))),
    rehash: (user, oldHash, newHash) =>
      inTurn(async () => {
        if (!canRehash || editor === null) return false;
        try {
          // First the record, then the file: nobody must see the new hash without knowing where it comes from.
          await rehashes.remember(fingerprint(oldHash), fingerprint(newHash));
          const outcome = await editor.setPasswordHash(user, newHash, oldHash);
          if (outcome.kind === 'written') adopt(outcome.file);
          else log.warn('users.rehash-failed', { user, reason: outcome.kind });
          return outcome.kind === 'written';
        } catch (error) {
          // A file that can't be written now (read-only, a single file mounted into a container) is not tried at every sign-in.
          if (hasCode(error, 'users-file-invalid')) canRehash = false;
          log.warn('users.rehash-failed', { user, reason: error instanceof Error ? error.message : 'unknown' });
          return false;
        }
      }),
    sameCredential: (sessionCredential, currentCredential) =>
      sessionCredential === currentCredential || rehashes.leadsTo(sessionCredential, currentCredential),
  };
}

/** Names a hash without holding anything of it; its salt keeps the name from being guessed. */
function fingerprint(passwordHash: string): string {
  return createHash('sha256').update(`sallyport credential\0${passwordHash}`).digest('base64url').slice(0, 22);
}

/** Keeps the old object, and the old identity, while they say the same. */
function toUser(record: UserRecord, known: DirectoryUser | undefined): DirectoryUser {
  const { user, name, email, groups, disabled, passwordHash } = record;
  const identity: Identity = {
    user,
    name,
    email,
    groups,
    claims: {},
    method: 'local',
    issuer: localIssuer,
    subject: user,
  };
  const made: DirectoryUser = {
    identity: known && JSON.stringify(known.identity) === JSON.stringify(identity) ? known.identity : identity,
    disabled,
    passwordHash,
    credential: fingerprint(passwordHash),
  };
  const isSame =
    known !== undefined &&
    known.identity === made.identity &&
    known.disabled === disabled &&
    known.passwordHash === passwordHash;
  return isSame ? known : made;
}

/** The kinds of hashes in the file, commonest first. */
function prevailingProfiles(records: readonly UserRecord[]): readonly CostProfile[] {
  const counts = new Map<CostProfile, number>();
  for (const { passwordHash } of records) {
    const hash = readPasswordHash(passwordHash);
    if (hash.kind === 'unusable') continue;
    const profile = costProfileOf(hash);
    counts.set(profile, (counts.get(profile) ?? 0) + 1);
  }
  const ranked = [...counts].toSorted(([, one], [, other]) => other - one);
  return ranked.slice(0, maxProfiles).map(([profile]) => profile);
}

function isWeak(passwordHash: string): boolean {
  const hash = readPasswordHash(passwordHash);
  return hash.kind !== 'unusable' && needsRehash(hash);
}
