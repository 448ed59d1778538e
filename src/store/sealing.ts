import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Runtime } from '../runtime.ts';

const nonceBytes = 12;
const tagBytes = 16;

/** Encrypts records, so that a copy of the store opens no session. */
export interface Sealer {
  /** `associated` binds the text to its place (the record's key): it opens nowhere else. */
  readonly seal: (text: string, associated: string) => string;
  /** Null for anything that `seal` did not make with the same key and `associated`. */
  readonly open: (sealed: string, associated: string) => string | null;
}

/** Derives a 256-bit key for one purpose from the store's secret (HKDF-SHA256, RFC 5869). */
export function deriveKey(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `sallyport/${purpose}`, 32));
}

/**
 * AES-256-GCM with a random 96-bit nonce a record (NIST SP 800-38D: safe for 2^32 records a key). Sealed text is base64url
 * of nonce, ciphertext and tag.
 *
 * @example createSealer(deriveKey(secret, 'session')).seal('text', 'record-key')
 */
export function createSealer(key: Buffer, random: Runtime['randomBytes'] = randomBytes): Sealer {
  return {
    seal: (text, associated) => {
      const nonce = random(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(associated));
      return Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
        'base64url',
      );
    },
    open: (sealed, associated) => {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < nonceBytes + tagBytes) return null;
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(associated));
      decipher.setAuthTag(bytes.subarray(-tagBytes));
      try {
        const text = decipher.update(bytes.subarray(nonceBytes, -tagBytes));
        return Buffer.concat([text, decipher.final()]).toString('utf8');
      } catch {
        // The tag does not fit: another key, another place, or tampered with.
        return null;
      }
    },
  };
}
