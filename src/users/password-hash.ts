/** A password hash as a users file holds it, understood but not yet compared with anything. */
export type PasswordHash = Argon2Hash | BcryptHash;

export interface Argon2Hash {
  readonly kind: 'argon2';
  readonly algorithm: 'argon2id' | 'argon2i' | 'argon2d';
  readonly memoryKiB: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

export interface BcryptHash {
  readonly kind: 'bcrypt';
  /** Binary logarithm of the rounds. */
  readonly cost: number;
  /** The hash as it stands. */
  readonly text: string;
}

/** A hash that no password can match; `message` says why and what to write instead, and holds nothing of the hash. */
export interface UnusableHash {
  readonly kind: 'unusable';
  readonly message: string;
}

/** What we make: OWASP's recommendation for argon2id. */
export const argon2idCost = { memoryKiB: 19_456, passes: 2, parallelism: 1, saltBytes: 16, tagBytes: 32 } as const;

/** What comparing with one hash costs; equal profiles take equally long. */
export type CostProfile = `argon2:${string}` | `bcrypt:${string}`;

const argon2Form =
  /^\$(argon2id|argon2i|argon2d)\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,4})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,171})$/;
const bcryptForm = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** Reads a PHC or crypt text. Its cost is bounded, so that a hash in the file can't stop the gateway. */
export function readPasswordHash(text: string): PasswordHash | UnusableHash {
  const bcrypt = bcryptForm.exec(text);
  if (bcrypt) return readBcrypt(text, Number(bcrypt[1]));
  const argon2 = argon2Form.exec(text);
  if (argon2) return readArgon2(argon2);
  return unusable(problemOf(text));
}

/** `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export function writeArgon2id(salt: Buffer, tag: Buffer): string {
  const { memoryKiB, passes, parallelism } = argon2idCost;
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

/** True when a hash is weaker than what we make, or of another kind: worth renewing at the next sign-in. */
export function needsRehash(hash: PasswordHash): boolean {
  if (hash.kind === 'bcrypt' || hash.algorithm !== 'argon2id') return true;
  if (hash.salt.length < argon2idCost.saltBytes || hash.tag.length < argon2idCost.tagBytes) return true;
  // OWASP's equivalents of m=19456,t=2 (down to m=7168,t=5) all have a product of 35,840 KiB or more.
  return hash.memoryKiB < 7_168 || hash.memoryKiB * hash.passes < 35_840;
}

export function costProfileOf(hash: PasswordHash): CostProfile {
  return hash.kind === 'bcrypt'
    ? `bcrypt:${hash.cost}`
    : `argon2:${hash.algorithm}:${hash.memoryKiB}:${hash.passes}:${hash.parallelism}`;
}

/** A hash of nothing at all, as dear to compare with as any other of this profile. */
export function decoyOf(profile: CostProfile, randomBytes: (size: number) => Buffer): PasswordHash | UnusableHash {
  const [kind, ...parts] = profile.split(':');
  if (kind === 'bcrypt') {
    const alphabet = './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
    // 16 bytes of salt are 22 characters, 23 of hash 31: the last of each has bits to spare, which must be 0. Otherwise the
    // hash is malformed, and compared in no time.
    const masks = new Map([
      [21, 0b110000],
      [52, 0b111100],
    ]);
    const body = Array.from(randomBytes(53), (byte, at) => alphabet[byte & (masks.get(at) ?? 63)]).join('');
    return readPasswordHash(`$2b$${parts[0]?.padStart(2, '0')}$${body}`);
  }
  const [algorithm, memoryKiB, passes, parallelism] = parts;
  const salt = unpadded(randomBytes(argon2idCost.saltBytes));
  const tag = unpadded(randomBytes(argon2idCost.tagBytes));
  return readPasswordHash(`$${algorithm}$v=19$m=${memoryKiB},t=${passes},p=${parallelism}$${salt}$${tag}`);
}

function readBcrypt(text: string, cost: number): BcryptHash | UnusableHash {
  if (cost < 4) return unusable('is a bcrypt hash with a cost that does not exist; make a new one');
  // Cost 16 takes seconds already: more would stop every other sign-in.
  if (cost > 16)
    return unusable('is a bcrypt hash with a cost above 16; make a new one with `sallyport hash-password`');
  return { kind: 'bcrypt', cost, text };
}

function readArgon2(match: RegExpExecArray): Argon2Hash | UnusableHash {
  const [, algorithm, memory, time, lanes, saltText = '', tagText = ''] = match;
  const [memoryKiB, passes, parallelism] = [Number(memory), Number(time), Number(lanes)];
  const salt = Buffer.from(saltText, 'base64');
  const tag = Buffer.from(tagText, 'base64');
  if (unpadded(salt) !== saltText || unpadded(tag) !== tagText)
    return unusable('is an argon2 hash with broken base64; make a new one with `sallyport hash-password`');
  const inBounds =
    memoryKiB >= 8 * parallelism && memoryKiB <= 1_048_576 && passes >= 1 && passes <= 20 && parallelism <= 16;
  if (!inBounds || parallelism < 1)
    return unusable('is an argon2 hash with parameters out of bounds (m up to 1048576, t up to 20, p up to 16)');
  if (algorithm !== 'argon2id' && algorithm !== 'argon2i' && algorithm !== 'argon2d')
    return unusable('is not a kind of argon2 that is understood');
  return { kind: 'argon2', algorithm, memoryKiB, passes, parallelism, salt, tag };
}

function problemOf(text: string): string {
  const instead = 'make a new one with `sallyport hash-password`';
  if (text.startsWith('{SHA}')) return `is an unsalted SHA-1 hash, which is too weak; ${instead}`;
  if (/^\$(apr1|1)\$/.test(text)) return `is an MD5 hash, which is too weak; ${instead}`;
  if (/^\$[56]\$/.test(text)) return `is a SHA-crypt hash, which is not understood; ${instead}`;
  if (/^[./0-9A-Za-z]{13}$/.test(text)) return `is not a hash that is strong enough (crypt or plain text); ${instead}`;
  if (/^\$argon2/.test(text)) return `is not a whole argon2 hash of version 19; ${instead}`;
  if (/^\$2/.test(text)) return `is not a whole bcrypt hash; ${instead}`;
  return `is not a password hash; ${instead}`;
}

function unusable(message: string): UnusableHash {
  return { kind: 'unusable', message };
}

/** PHC string format: base64 without padding. */
function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}
