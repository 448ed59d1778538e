import type { z } from 'zod';
import type { ConfigPath } from './config-path.ts';
import { nearest } from './nearest.ts';

/** One fault of the schema's checks, before it has a place in the file. */
export interface SchemaFault {
  readonly path: ConfigPath;
  readonly message: string;
  /** The key is at fault, not the value. */
  readonly atKey: boolean;
  readonly isUnknownKey: boolean;
}

type Issue = z.core.$ZodIssue;
type Union = Extract<Issue, { readonly code: 'invalid_union' }>;

/** Our words for what the schema's own checks find; a slice's own message wins over these. */
export const writeIssue: z.core.$ZodErrorMap = (issue) => {
  switch (issue.code) {
    case 'invalid_type':
      return describeType(issue.expected, issue.input);
    case 'invalid_value':
      return describeValues(issue.values.map(String), issue.input);
    case 'unrecognized_keys':
      return issue.keys.map((key) => describeUnknownKey(key, knownKeys(issue.inst))).join('\n');
    // Told apart from a message of the slice by being empty; see `flattenUnion`.
    case 'invalid_union':
      return '';
    case 'too_small':
      return issue.origin === 'number'
        ? `must be at least ${issue.minimum}`
        : issue.minimum === 1
          ? 'is empty'
          : `must have at least ${issue.minimum} ${issue.origin === 'array' ? 'entries' : 'characters'}`;
    case 'too_big':
      return issue.origin === 'number'
        ? `must be at most ${issue.maximum}`
        : `must have at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not allowed as a key';
    default:
      return 'is not understood';
  }
};

/** Every issue as one fault, in the order of the schema; of a union's branches the one that was probably meant speaks. */
export function toSchemaFaults(issues: readonly Issue[]): readonly SchemaFault[] {
  const faults = issues.flatMap((issue) => flatten(issue, []));
  const unknown = faults.filter((fault) => fault.isUnknownKey);
  return faults.filter((fault) => !unknown.some((cause) => follows(fault, cause)));
}

/** A misspelt key makes another one missing, or its mapping empty: told once, by the key. */
function follows(fault: SchemaFault, unknownKey: SchemaFault): boolean {
  if (fault.isUnknownKey) return false;
  const parent = JSON.stringify(unknownKey.path.slice(0, -1));
  if (JSON.stringify(fault.path) === parent) return true;
  const isMissingBeside = fault.message === missingMessage && JSON.stringify(fault.path.slice(0, -1)) === parent;
  return isMissingBeside && unknownKey.message.endsWith(` did you mean ${String(fault.path.at(-1))}?`);
}

function flatten(issue: Issue, base: ConfigPath): readonly SchemaFault[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      message: messages[index] ?? '',
      atKey: true,
      isUnknownKey: true,
    }));
  }
  if (issue.code === 'invalid_union') return flattenUnion(issue, path);
  const atKey = issue.code === 'invalid_key' || issue.message === missingMessage;
  return [{ path, message: issue.message, atKey, isUnknownKey: false }];
}

function flattenUnion(union: Union, path: ConfigPath): readonly SchemaFault[] {
  const branches = union.errors;
  const meant = branches.filter((issues) => !issues.some(isOtherKind));
  if (meant.length === 0) {
    const message = union.message === '' ? describeKinds(branches, union.input) : union.message;
    return [{ path, message, atKey: false, isUnknownKey: false }];
  }
  const flat = meant.map((issues) => issues.flatMap((issue) => flatten(issue, path)));
  const shortest = Math.min(...flat.map((faults) => faults.length));
  const best = flat.filter((faults) => faults.length === shortest);
  const missing = best.map(([fault]) => (fault && shortest === 1 && fault.message === missingMessage ? fault : null));
  const keys = missing.flatMap((fault) => (fault ? [String(fault.path.at(-1))] : []));
  if (keys.length === best.length && keys.length > 1)
    return [{ path, message: `needs one of the keys ${keys.join(', ')}`, atKey: false, isUnknownKey: false }];
  return best[0] ?? [];
}

/** The branch is for another kind of value altogether, so what it says about this one does not help. */
function isOtherKind(issue: Issue): boolean {
  if (issue.path.length > 0) return false;
  if (issue.code === 'invalid_union') return issue.errors.every((issues) => issues.some(isOtherKind));
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

const missingMessage = 'is missing';

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys',
  record: 'a mapping of keys',
};

function describeType(expected: string, input: unknown): string {
  if (input === undefined) return missingMessage;
  if (input === null) return 'is empty; write a value or take the key away';
  const quotes = expected === 'string' && typeof input !== 'object' ? '; write it in quotes' : '';
  return `must be ${kinds[expected] ?? expected}, but is ${kindOf(input)}${quotes}`;
}

function describeValues(values: readonly string[], input: unknown): string {
  if (input === undefined) return missingMessage;
  if (input === null) return 'is empty; write a value or take the key away';
  return `must be ${alternatives(values)}${suggestion(input, values)}`;
}

function describeUnknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return near ? `is not a known key; did you mean ${near}?` : `is not a known key; known are ${known.join(', ')}`;
}

/** All branches expect another kind of value: tells them all. */
function describeKinds(branches: Union['errors'], input: unknown): string {
  if (input === undefined) return missingMessage;
  if (input === null) return 'is empty; write a value or take the key away';
  const wanted = collectKinds(branches);
  const values = wanted.filter((entry) => entry.isValue).map((entry) => entry.text);
  const texts = [...new Set(wanted.map((entry) => entry.text))];
  const was = typeof input === 'string' && values.length > 0 ? '' : `, but is ${kindOf(input)}`;
  return `must be ${alternatives(texts)}${was}${suggestion(input, values)}`;
}

interface Kind {
  readonly text: string;
  readonly isValue: boolean;
}

function collectKinds(branches: Union['errors']): readonly Kind[] {
  return branches.flat().flatMap((issue): readonly Kind[] => {
    if (issue.path.length > 0) return [];
    if (issue.code === 'invalid_union') return collectKinds(issue.errors);
    if (issue.code === 'invalid_value') return issue.values.map((value) => ({ text: String(value), isValue: true }));
    if (issue.code === 'invalid_type')
      return [{ text: kinds[issue.expected] ?? String(issue.expected), isValue: false }];
    return [];
  });
}

function suggestion(input: unknown, values: readonly string[]): string {
  const near = typeof input === 'string' ? nearest(input, values) : undefined;
  return near ? `; did you mean ${near}?` : '';
}

function alternatives(texts: readonly string[]): string {
  return texts.length < 2 ? (texts[0] ?? '') : `${texts.slice(0, -1).join(', ')} or ${texts.at(-1)}`;
}

function kindOf(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'number') return 'a number';
  if (typeof input === 'boolean') return 'true or false';
  return typeof input === 'string' ? 'text' : 'a mapping of keys';
}

function knownKeys(schema: unknown): readonly string[] {
  const shape = readKey(readKey(readKey(schema, '_zod'), 'def'), 'shape');
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

function readKey(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && key in value ? Reflect.get(value, key) : undefined;
}
