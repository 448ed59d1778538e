import type { LdapEntry } from './messages.ts';

/** The values of an attribute as text, in the order of the server; what is not UTF-8 is left out. */
export function textsOf(entry: LdapEntry, attribute: string): readonly string[] {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (entry.attributes.get(attribute.toLowerCase()) ?? []).flatMap((value) => {
    try {
      return [decoder.decode(value)];
    } catch {
      return [];
    }
  });
}

/** The only or the first value; undefined when there is none. */
export function textOf(entry: LdapEntry, attribute: string): string | undefined {
  return textsOf(entry, attribute)[0];
}

/**
 * What names an entry for ever, however it is renamed and moved: its `entryUUID`, `objectGUID` or the like as text. Null when the
 * server did not send it. `objectGUID` comes as 16 bytes, the first three groups in little-endian order (MS-DTYP §2.3.4).
 */
export function idOf(entry: LdapEntry, attribute: string): string | null {
  const [value] = entry.attributes.get(attribute.toLowerCase()) ?? [];
  if (value === undefined || value.length === 0) return null;
  if (attribute.toLowerCase() !== 'objectguid') return value.toString('utf8').toLowerCase();
  if (value.length !== 16) return null;
  return writeUuid(swapped(value));
}

/** The value to search an id with: text, or for `objectGUID` its bytes. */
export function idValue(id: string, attribute: string): string | Buffer {
  if (attribute.toLowerCase() !== 'objectguid') return id;
  return swapped(Buffer.from(id.replaceAll('-', ''), 'hex'));
}

function writeUuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function swapped(bytes: Buffer): Buffer {
  return Buffer.concat(
    [
      bytes.subarray(0, 4).toReversed(),
      bytes.subarray(4, 6).toReversed(),
      bytes.subarray(6, 8).toReversed(),
      bytes.subarray(8),
    ].map((part) => Buffer.from(part)),
  );
}
