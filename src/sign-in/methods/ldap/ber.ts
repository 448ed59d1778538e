/** One element of BER (X.690 §8.1): tag, contents, and where the next one starts. */
export interface Tlv {
  readonly tag: number;
  readonly value: Buffer;
  readonly next: number;
}

/** What LDAP uses (RFC 4511 §5.1): definite lengths alone, tags of one byte. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  octets: 0x04,
  enumerated: 0x0a,
  sequence: 0x30,
  set: 0x31,
  controls: 0xa0,
} as const;

/**
 * Length of the LDAP message that `bytes` starts with, header included. Null: not enough is there to tell. `malformed`: no LDAP
 * message starts so, or it is longer than `maxBytes`.
 */
export function messageLength(bytes: Buffer, maxBytes: number): number | null | 'malformed' {
  if (bytes.length === 0) return null;
  if (bytes[0] !== tags.sequence) return 'malformed';
  const head = readHead(bytes, 0);
  if (head === 'short') return null;
  if (head === 'malformed' || head.start + head.length > maxBytes) return 'malformed';
  return head.start + head.length;
}

/** The element at `offset`; null when the bytes there are none, or go on behind the end. */
export function readTlv(bytes: Buffer, offset = 0): Tlv | null {
  const head = readHead(bytes, offset);
  if (typeof head === 'string' || head.start + head.length > bytes.length) return null;
  const next = head.start + head.length;
  return { tag: bytes[offset] ?? 0, value: bytes.subarray(head.start, next), next };
}

/** The elements that fill `bytes` from end to end; null when they don't. */
export function readAll(bytes: Buffer): readonly Tlv[] | null {
  const elements: Tlv[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const element = readTlv(bytes, offset);
    if (element === null) return null;
    elements.push(element);
    offset = element.next;
  }
  return elements;
}

/** An INTEGER or ENUMERATED of at most four bytes; null for anything else. */
export function readNumber(element: Tlv | undefined, tag: number): number | null {
  if (element?.tag !== tag || element.value.length === 0 || element.value.length > 4) return null;
  return element.value.readIntBE(0, element.value.length);
}

interface Head {
  /** Where the contents start. */
  readonly start: number;
  readonly length: number;
}

function readHead(bytes: Buffer, offset: number): Head | 'short' | 'malformed' {
  const first = bytes[offset + 1];
  if (first === undefined) return 'short';
  if (first < 0x80) return { start: offset + 2, length: first };
  const size = first & 0x7f;
  // 0x80 is the indefinite form, which LDAP forbids; more than four bytes is no length that anybody means.
  if (size === 0 || size > 4) return 'malformed';
  if (bytes.length < offset + 2 + size) return 'short';
  return { start: offset + 2 + size, length: bytes.readUIntBE(offset + 2, size) };
}
