import type { LdapEntry } from '../../src/sign-in/methods/ldap/messages.ts';

/** LDAP messages as a server writes them, good or bad. */

/** One BER element; lengths of up to 64 KiB. */
export function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const size = value.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

const text = (value: string): Buffer => tlv(0x04, Buffer.from(value));

function message(id: number, operation: Buffer): Buffer {
  const bytes = id < 128 ? [id] : [id >> 8, id & 0xff];
  return tlv(0x30, tlv(0x02, Buffer.from(bytes)), operation);
}

function result(tag: number): (id: number, code: number, diagnostic?: string) => Buffer {
  return (id, code, diagnostic = '') =>
    message(id, tlv(tag, tlv(0x0a, Buffer.from([code])), text(''), text(diagnostic)));
}

export const bindResponse = result(0x61);
export const searchDone = result(0x65);
export const extendedResponse = result(0x78);

export function searchEntry(id: number, dn: string, attributes: Readonly<Record<string, readonly string[]>>): Buffer {
  const list = Object.entries(attributes).map(([name, values]) =>
    tlv(0x30, text(name), tlv(0x31, ...values.map(text))),
  );
  return message(id, tlv(0x64, text(dn), tlv(0x30, ...list)));
}

/** An entry as it is read from the wire. */
export function entryOf(dn: string, attributes: Readonly<Record<string, readonly string[]>>): LdapEntry {
  const pairs = Object.entries(attributes).map(
    ([name, values]) => [name.toLowerCase(), values.map((value) => Buffer.from(value))] as const,
  );
  return { kind: 'entry', dn, attributes: new Map(pairs) };
}
