import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';
import type { Fault } from '../faults.ts';
import { canonicalUserName } from '../identity/user-name.ts';
import { readPasswordHash } from './password-hash.ts';
import type { UserRecord } from './user-record.ts';
import { problemOfGroup, problemOfText } from './user-record.ts';

/** What a users file says. With faults, `users` is not to be used. */
export interface UsersFileContent {
  readonly users: readonly UserRecord[];
  /** What keeps the file from being taken. */
  readonly faults: readonly Fault[];
  /** What is left out while the rest is served: passwords that nobody can sign in with, groups that don't count. */
  readonly weakFaults: readonly Fault[];
}

type Report = (node: unknown, path: string, message: string) => void;

const fieldNames = new Set(['name', 'displayname', 'email', 'groups', 'password', 'disabled']);

/** YAML 1.2 without tags, merge keys and the quadratic comparison of keys, which is done here. */
export function parseUsersYaml(text: string, lineCounter?: LineCounter): Document {
  return parseDocument(text, {
    version: '1.2',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
    ...(lineCounter ? { lineCounter } : {}),
  });
}

/** Reads `users: {alice: {name, email, groups, password, disabled}}`, strictly. `file` is named in the faults. */
export function readYamlUsers(text: string, file: string): UsersFileContent {
  const lines = new LineCounter();
  const faults: Fault[] = [];
  const weakFaults: Fault[] = [];
  const reportAt = (list: Fault[], offset: number, path: string, message: string): void => {
    const { line, col } = lines.linePos(offset);
    list.push({ file, line: Math.max(1, line), column: Math.max(1, col), path, message });
  };
  const reportTo =
    (list: Fault[]): Report =>
    (node, path, message) => {
      reportAt(list, offsetOf(node), path, message);
    };
  let document: Document;
  try {
    document = parseUsersYaml(text, lines);
  } catch {
    // The parser recurses: nesting without end exhausts the stack, which is a fault of the file.
    reportAt(faults, 0, '', 'is nested too deep to be read');
    return { users: [], faults, weakFaults };
  }
  for (const problem of [...document.errors, ...document.warnings].slice(0, 20))
    reportAt(faults, problem.pos[0], '', `is not valid YAML: ${problem.message.split('\n')[0] ?? ''}`);
  const users = faults.length > 0 ? [] : readDocument(document, reportTo(faults), reportTo(weakFaults));
  return { users, faults, weakFaults };
}

function readDocument(document: Document, report: Report, reportWeak: Report): UserRecord[] {
  const root: unknown = document.contents;
  if (!isMap(root)) {
    report(root, '', 'has no users; write `users:` and below it `alice: {name: …, email: …, password: …}`');
    return [];
  }
  let map: unknown;
  for (const { key, value } of root.items) {
    if (keyText(key) !== 'users') report(key, keyText(key), 'is not known here; the only key is users');
    else if (map !== undefined) report(key, 'users', 'stands twice; put all users under one');
    else map = value ?? null;
  }
  if (map === undefined) report(root, 'users', 'is missing; write `users:` and the users below it');
  if (map === undefined || map === null || (isScalar(map) && map.value === null)) return [];
  if (!isMap(map)) {
    report(map, 'users', 'is not a map; write `alice: {name: …, email: …, password: …}` below it');
    return [];
  }
  return readUsers(map, report, reportWeak);
}

function readUsers(map: YAMLMap, report: Report, reportWeak: Report): UserRecord[] {
  const seen = new Map<string, string>();
  const records: UserRecord[] = [];
  for (const { key, value } of map.items) {
    const written = keyText(key);
    const path = `users.${written.slice(0, 64)}`;
    const user = canonicalUserName(written);
    if (user === null) {
      report(key, path, 'is not a user name; use no control characters and no white space at its ends');
      continue;
    }
    const other = seen.get(user);
    if (other === undefined) seen.set(user, written);
    else
      report(key, path, `is the same user as ${JSON.stringify(other)} (${JSON.stringify(user)}); take one of them out`);
    records.push(readUser(user, value, path, key, report, reportWeak));
  }
  return records;
}

function readUser(
  user: string,
  node: unknown,
  path: string,
  key: unknown,
  report: Report,
  reportWeak: Report,
): UserRecord {
  const record = { user, name: '', email: '', groups: [] as readonly string[], passwordHash: '', disabled: false };
  if (!isMap(node)) {
    report(node ?? key, path, 'is not a map; write {name: …, email: …, groups: […], password: …}');
    return record;
  }
  const seen = new Set<string>();
  for (const { key: fieldKey, value } of node.items) {
    const written = keyText(fieldKey);
    const field = written === 'displayname' ? 'name' : written;
    const fieldPath = `${path}.${written.slice(0, 64)}`;
    if (!fieldNames.has(written)) {
      report(fieldKey, fieldPath, 'is not known here; the keys are name, email, groups, password and disabled');
      continue;
    }
    if (seen.has(field)) report(fieldKey, fieldPath, `stands twice${field === 'name' ? ' (name, displayname)' : ''}`);
    seen.add(field);
    if (isAlias(value)) report(value, fieldPath, 'is an alias; write the value out');
    else if (field === 'groups') record.groups = readGroups(value, fieldPath, report, reportWeak);
    else if (field === 'disabled') record.disabled = readFlag(value, fieldPath, report);
    else if (field === 'password') record.passwordHash = readHash(value, fieldPath, report, reportWeak);
    else if (field === 'name') record.name = readText(value, fieldPath, report);
    else record.email = readText(value, fieldPath, report);
  }
  return record;
}

function readText(node: unknown, path: string, report: Report): string {
  if (isEmpty(node)) return '';
  if (!isScalar(node) || typeof node.value !== 'string') {
    report(node, path, 'is not text; put it in quotes');
    return '';
  }
  const problem = problemOfText(node.value);
  if (problem) report(node, path, problem);
  return node.value;
}

function readGroups(node: unknown, path: string, report: Report, reportWeak: Report): readonly string[] {
  if (isEmpty(node)) return [];
  if (!isSeq(node)) {
    report(node, path, 'is not a list; write [editors, admins]');
    return [];
  }
  const groups = new Set<string>();
  node.items.forEach((item, index) => {
    const group = isScalar(item) && typeof item.value === 'string' ? item.value : null;
    const problem = group === null ? 'is not text; put it in quotes' : problemOfGroup(group);
    if (problem) report(item, `${path}[${index}]`, problem);
    // Upstreams trim what stands between commas: such a group would turn into another one on its way.
    if (group !== null && group.trim() !== group)
      reportWeak(item, `${path}[${index}]`, 'starts or ends with white space and is ignored; write it without');
    else if (group !== null) groups.add(group);
  });
  return [...groups];
}

function readFlag(node: unknown, path: string, report: Report): boolean {
  if (isScalar(node) && typeof node.value === 'boolean') return node.value;
  report(node, path, 'is neither true nor false');
  return true;
}

function readHash(node: unknown, path: string, report: Report, reportWeak: Report): string {
  if (isEmpty(node)) return '';
  if (!isScalar(node) || typeof node.value !== 'string') {
    report(node, path, 'is not a password hash; make one with `sallyport hash-password` and put it in quotes');
    return '';
  }
  const hash = readPasswordHash(node.value);
  if (node.value !== '' && hash.kind === 'unusable') reportWeak(node, path, hash.message);
  return node.value;
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

/** The key as written: a user called `1234` or `null` is a user all the same. */
export function keyText(key: unknown): string {
  if (!isScalar(key)) return '';
  return typeof key.value === 'string' ? key.value : (key.source ?? '');
}

function offsetOf(node: unknown): number {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? (node.range?.[0] ?? 0) : 0;
}
