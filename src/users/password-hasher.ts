import { argon2, timingSafeEqual } from 'node:crypto';
import type { Argon2Algorithm } from 'node:crypto';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import { GatewayError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';
import type { BcryptHash, CostProfile, PasswordHash } from './password-hash.ts';
import { argon2idCost, costProfileOf, decoyOf, readPasswordHash, writeArgon2id } from './password-hash.ts';
import { createWorkQueue } from './work-queue.ts';

/** bcrypt looks at 72 bytes and no further. */
const bcryptLimitBytes = 72;

/** The slow functions beneath, so that a test can count them. */
export interface HashFunctions {
  readonly argon2: (
    algorithm: Argon2Algorithm,
    cost: { readonly memory: number; readonly passes: number; readonly parallelism: number },
    password: Buffer,
    salt: Buffer,
    tagBytes: number,
  ) => Promise<Buffer>;
  readonly bcrypt: (password: Buffer, hash: string) => Promise<boolean>;
}

export interface PasswordHasherOptions {
  readonly runtime: Runtime;
  /** Hashes computed at one time; each takes a core and, with argon2id as we make it, 19 MiB. Default 2. */
  readonly concurrency?: number;
  /** Computations that may wait for their turn. Default 100. */
  readonly maxWaiting?: number;
  readonly functions?: HashFunctions;
}

/**
 * Hashes and compares passwords off the event loop, few at a time. All methods reject with `sign-in-busy` at once when too
 * many wait already, so that a flood of sign-ins takes bounded memory and never the whole machine.
 */
export interface PasswordHasher {
  /** argon2id with a new salt, as PHC text. */
  readonly hash: (password: string) => Promise<string>;
  /**
   * True when `password` made `hash`. A malformed hash and an empty password match nothing. A refusal takes as long as one
   * comparison of each of `profiles`, whatever `hash` is (null: there is no such user), so that time tells nothing.
   */
  readonly verify: (password: string, hash: string | null, profiles: readonly CostProfile[]) => Promise<boolean>;
}

/** @example const hasher = createPasswordHasher({ runtime }); await hasher.verify('secret', hash, []) */
export function createPasswordHasher(options: PasswordHasherOptions): PasswordHasher {
  const { randomBytes, log } = options.runtime;
  const functions = options.functions ?? nodeFunctions;
  const queue = createWorkQueue({
    concurrency: options.concurrency ?? 2,
    maxWaiting: options.maxWaiting ?? 100,
    refuse: () => new GatewayError('sign-in-busy', 'too many passwords wait to be hashed'),
  });

  const compare = async (password: Buffer, hash: PasswordHash): Promise<boolean> => {
    if (hash.kind === 'bcrypt') return compareBcrypt(functions, password, hash);
    const cost = { memory: hash.memoryKiB, passes: hash.passes, parallelism: hash.parallelism };
    const tag = await functions.argon2(hash.algorithm, cost, password, hash.salt, hash.tag.length);
    return tag.length === hash.tag.length && timingSafeEqual(tag, hash.tag);
  };

  const read = (text: string | null): PasswordHash | null => {
    if (text === null || text === '') return null;
    const hash = readPasswordHash(text);
    if (hash.kind !== 'unusable') return hash;
    log.warn('password-hash.unusable', { problem: hash.message });
    return null;
  };

  return {
    hash: (password) =>
      queue.run(async () => {
        const { memoryKiB, passes, parallelism, saltBytes, tagBytes } = argon2idCost;
        const salt = randomBytes(saltBytes);
        const cost = { memory: memoryKiB, passes, parallelism };
        return writeArgon2id(salt, await functions.argon2('argon2id', cost, Buffer.from(password), salt, tagBytes));
      }),
    verify: async (password, text, profiles) => {
      if (password === '') return false;
      const bytes = Buffer.from(password);
      const hash = read(text);
      const own = hash && costProfileOf(hash);
      return queue.run(async () => {
        if (hash && (await compare(bytes, hash))) return true;
        for (const profile of new Set(profiles)) {
          if (profile === own) continue;
          const decoy = decoyOf(profile, randomBytes);
          if (decoy.kind !== 'unusable') await compare(bytes, decoy);
        }
        return false;
      });
    },
  };
}

/** A password that bcrypt would cut matches nothing, after the same work: `A×72+x` is not `A×72+y`. */
async function compareBcrypt(functions: HashFunctions, password: Buffer, hash: BcryptHash): Promise<boolean> {
  const fits = password.length <= bcryptLimitBytes;
  const matches = await functions.bcrypt(fits ? password : password.subarray(0, bcryptLimitBytes), hash.text);
  return fits && matches;
}

/**
 * Node's own argon2 (measured: 18 ms for m=19456,t=2,p=1, two at a time scale to two cores) runs in libuv's pool of four
 * threads, and so does bcrypt: two at a time leave two threads for files and names.
 */
const nodeFunctions: HashFunctions = {
  argon2: (algorithm, cost, message, nonce, tagLength) =>
    new Promise((resolve, reject) => {
      argon2(algorithm, { ...cost, message, nonce, tagLength }, (error, tag) => {
        if (error) reject(error);
        else resolve(tag);
      });
    }),
  bcrypt: async (password, hash) => verifyBcrypt(password, hash),
};
