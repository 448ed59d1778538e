import { readAll, readNumber, readTlv, tags, type Tlv } from './ber.ts';

/** LDAPResult (RFC 4511 §4.1.9) of a bind, a search or an extended operation. */
export interface LdapResult {
  readonly kind: 'result';
  readonly operation: 'bind' | 'search' | 'extended';
  /** 0: success. */
  readonly code: number;
  /** The server's own words, for logs and for Active Directory's `data` codes. */
  readonly diagnostic: string;
  /** Error of the password policy control (draft-behera-ldap-password-policy §6.2); null when there is none. */
  readonly policyError: number | null;
}

/** An entry as the server sent it: attribute names in lower case, values as bytes. */
export interface LdapEntry {
  readonly kind: 'entry';
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
}

export interface LdapMessage {
  readonly id: number;
  /** `reference`: a pointer to another server, which is never followed. */
  readonly body: LdapResult | LdapEntry | { readonly kind: 'reference' };
}

const operations = { 0x61: 'bind', 0x65: 'search', 0x78: 'extended' } as const;
const searchEntry = 0x64;
const searchReference = 0x73;
const passwordPolicy = '1.3.6.1.4.1.42.2.27.8.5.1';

/**
 * Reads one whole message of a server, strictly: what is not exactly of the shape that RFC 4511 gives it is null. A result
 * without a code must never pass for success.
 */
export function readMessage(bytes: Buffer): LdapMessage | null {
  const envelope = readTlv(bytes);
  const parts = envelope?.tag === tags.sequence && envelope.next === bytes.length ? readAll(envelope.value) : null;
  const [first, operation, controls, ...rest] = parts ?? [];
  const id = readNumber(first, tags.integer);
  if (id === null || operation === undefined || rest.length > 0) return null;
  if (controls !== undefined && controls.tag !== tags.controls) return null;
  const body = readBody(operation, controls);
  return body === null ? null : { id, body };
}

function readBody(operation: Tlv, controls: Tlv | undefined): LdapMessage['body'] | null {
  if (operation.tag === searchEntry) return readEntry(operation.value);
  if (operation.tag === searchReference) return { kind: 'reference' };
  const named = nameOf(operation.tag);
  return named === null ? null : readResult(named, operation.value, controls);
}

function nameOf(tag: number): LdapResult['operation'] | null {
  return tag === 0x61 || tag === 0x65 || tag === 0x78 ? operations[tag] : null;
}

function readResult(operation: LdapResult['operation'], value: Buffer, controls: Tlv | undefined): LdapResult | null {
  const [code, matchedDn, diagnostic] = readAll(value) ?? [];
  const number = readNumber(code, tags.enumerated);
  if (number === null || matchedDn?.tag !== tags.octets || diagnostic?.tag !== tags.octets) return null;
  const policyError = controls === undefined ? null : readPolicyError(controls.value);
  return { kind: 'result', operation, code: number, diagnostic: diagnostic.value.toString('utf8'), policyError };
}

function readEntry(value: Buffer): LdapEntry | null {
  const [name, list, ...rest] = readAll(value) ?? [];
  if (name?.tag !== tags.octets || list?.tag !== tags.sequence || rest.length > 0) return null;
  const attributes = new Map<string, readonly Buffer[]>();
  for (const attribute of readAll(list.value) ?? [null]) {
    const [type, set, ...more] = attribute?.tag === tags.sequence ? (readAll(attribute.value) ?? []) : [];
    if (type?.tag !== tags.octets || set?.tag !== tags.set || more.length > 0) return null;
    const values = readAll(set.value);
    if (values === null || values.some(({ tag }) => tag !== tags.octets)) return null;
    attributes.set(
      type.value.toString('utf8').toLowerCase(),
      values.map((element) => element.value),
    );
  }
  return { kind: 'entry', dn: name.value.toString('utf8'), attributes };
}

function readPolicyError(controls: Buffer): number | null {
  for (const control of readAll(controls) ?? []) {
    const parts = readAll(control.value) ?? [];
    if (parts[0]?.value.toString('latin1') !== passwordPolicy) continue;
    const content = readTlv(parts.at(-1)?.value ?? Buffer.alloc(0));
    if (content?.tag !== tags.sequence) return null;
    const error = (readAll(content.value) ?? []).find(({ tag }) => tag === 0x81);
    return error === undefined ? null : readNumber(error, 0x81);
  }
  return null;
}
