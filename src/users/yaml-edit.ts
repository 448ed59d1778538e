import { isMap, isScalar, YAMLMap } from 'yaml';
import type { Document, Pair } from 'yaml';
import { canonicalUserName } from '../identity/user-name.ts';
import type { UserRecord } from './user-record.ts';
import { keyText, parseUsersYaml } from './yaml-users.ts';

/**
 * Sets a field of a user in the text of a faultless YAML users file; null when there is no such user. Where the field stands
 * already, nothing but its value changes; else the file is written anew with its order and its comments.
 */
export function setUserField(
  text: string,
  user: string,
  field: 'password' | 'disabled',
  value: string | boolean,
): string | null {
  const document = parseUsersYaml(text);
  const fields = findUser(usersMap(document), user)?.value;
  if (!isMap(fields)) return null;
  const present = fields.get(field, true);
  const range = isScalar(present) && present.value !== null && isInline(present.type) ? present.range : undefined;
  if (range) return text.slice(0, range[0]) + JSON.stringify(value) + text.slice(range[1]);
  fields.set(field, typeof value === 'string' ? quoted(document, value) : value);
  return write(document, text);
}

/** Adds a user at the end of a faultless YAML users file. */
export function addUser(text: string, record: UserRecord): string {
  const document = parseUsersYaml(text);
  const fields = new YAMLMap<unknown, unknown>(document.schema);
  if (record.name !== '') fields.set('name', record.name);
  if (record.email !== '') fields.set('email', record.email);
  if (record.groups.length > 0) fields.set('groups', document.createNode(record.groups, { flow: true }));
  if (record.passwordHash !== '') fields.set('password', quoted(document, record.passwordHash));
  if (record.disabled) fields.set('disabled', true);
  const map = usersMap(document);
  if (map === null) document.set('users', document.createNode({ [record.user]: fields }));
  else {
    if (map.items.length === 0) map.flow = false;
    map.set(document.createNode(record.user), fields);
  }
  return write(document, text);
}

/** Takes a user out; null when there is no such user. */
export function removeUser(text: string, user: string): string | null {
  const document = parseUsersYaml(text);
  const map = usersMap(document);
  const pair = findUser(map, user);
  if (map === null || pair === undefined) return null;
  map.items.splice(map.items.indexOf(pair), 1);
  return write(document, text);
}

function usersMap(document: Document): YAMLMap | null {
  const map: unknown = document.get('users', true);
  return isMap(map) ? map : null;
}

function findUser(map: YAMLMap | null, user: string): Pair | undefined {
  return map?.items.find((pair) => canonicalUserName(keyText(pair.key)) === user);
}

function isInline(type: unknown): boolean {
  return type === 'PLAIN' || type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
}

/** Hashes hold `$`, `,` and `=`: quotes keep every reader from taking them for something else. */
function quoted(document: Document, value: string) {
  const node = document.createNode(value);
  node.type = 'QUOTE_DOUBLE';
  return node;
}

/** Writes a document in the manner of the text that it came from. */
function write(document: Document, original: string): string {
  const indent = /^users:[^\n]*\n(?:[^\S\n]*(?:#[^\n]*)?\n)*( +)\S/m.exec(original)?.[1]?.length ?? 2;
  const text = document.toString({
    lineWidth: 0,
    indent: Math.min(indent, 8),
    indentSeq: !/^( *)[^\s#-][^\n]*:\n\1- /m.test(original),
    flowCollectionPadding: /[[{] \S/.test(original),
  });
  return original.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
}
