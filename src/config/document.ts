import { isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from 'yaml';
import type { Node, Scalar } from 'yaml';
import type { Fault } from '../faults.ts';
import type { ConfigPath } from './config-path.ts';
import { writePath } from './config-path.ts';
import type { SubstitutionScope } from './substitute.ts';
import { substitute } from './substitute.ts';

/** A configuration file as plain values, with the place of each in the text. */
export interface ConfigDocument {
  /** Plain values; `${…}` replaced. Undefined when the text could not be understood at all. */
  readonly value: unknown;
  readonly faults: readonly Fault[];
  /** Absolute paths of the files that `${file:…}` named. */
  readonly files: readonly string[];
  /** A fault at a value (or at the nearest thing above it that stands in the file); `atKey`: at its key. */
  readonly faultAt: (path: ConfigPath, message: string, atKey?: boolean) => Fault;
  /** Whether the value at `path` was written out in the file, without `${…}`. */
  readonly isLiteral: (path: ConfigPath) => boolean;
  /** The file that `${file:…}` took the value at `path` from. */
  readonly fileOf: (path: ConfigPath) => string | undefined;
}

const maxDepth = 50;
const maxTokens = 300_000;
const maxAliases = 1_000;
const maxValues = 100_000;

interface Place {
  readonly key: number;
  readonly value: number;
  readonly literal: boolean;
  readonly file: string | undefined;
}

interface Walk {
  readonly scope: SubstitutionScope;
  readonly fault: (offset: number, path: ConfigPath, message: string) => void;
  readonly places: Map<string, Place>;
  readonly anchors: Map<string, Node>;
  readonly files: string[];
  values: number;
  aliases: number;
}

/**
 * Reads YAML 1.2 (core schema) in bounded time and memory: one document, no duplicate keys, no tags of its own, no merge
 * keys, no keys that reach into JavaScript. The value is not yet checked against the schema.
 */
export function readDocument(text: string, file: string, scope: SubstitutionScope): ConfigDocument {
  const lines = new LineCounter();
  const places = new Map<string, Place>();
  const faults: Fault[] = [];
  const at = (offset: number, path: ConfigPath, message: string): Fault => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), path: writePath(path), message };
  };
  const faultAt = (path: ConfigPath, message: string, atKey = false): Fault => {
    for (let length = path.length; length >= 0; length -= 1) {
      const place = places.get(JSON.stringify(path.slice(0, length)));
      if (place) return at(atKey || length < path.length ? place.key : place.value, path, message);
    }
    return at(0, path, message);
  };
  const isLiteral = (path: ConfigPath): boolean => places.get(JSON.stringify(path))?.literal ?? false;
  const fileOf = (path: ConfigPath): string | undefined => places.get(JSON.stringify(path))?.file;
  const end = (value: unknown, files: readonly string[] = []): ConfigDocument => ({
    value,
    faults,
    files,
    faultAt,
    isLiteral,
    fileOf,
  });

  const danger = findDanger(text);
  if (danger) {
    lines.addNewLine(0);
    for (let index = text.indexOf('\n'); index !== -1; index = text.indexOf('\n', index + 1))
      lines.addNewLine(index + 1);
    faults.push(at(danger.offset, [], danger.message));
    return end(undefined);
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    // Compared below in linear time.
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  });
  for (const problem of [...document.errors, ...document.warnings].slice(0, 20))
    faults.push(at(problem.pos[0], [], describeProblem(problem.code, problem.message)));
  if (document.directives?.yaml.version !== '1.2')
    faults.push(at(0, [], 'asks for another version of YAML; take the %YAML line away'));
  if (faults.length > 0) return end(undefined);
  const fault = (offset: number, path: ConfigPath, message: string): void => {
    faults.push(at(offset, path, message));
  };
  const walk: Walk = { scope, fault, places, anchors: new Map(), files: [], values: 0, aliases: 0 };
  const contents: unknown = document.contents;
  const value = readNode(contents, [], 0, walk);
  if (walk.values > maxValues) faults.push(at(0, [], 'holds too many values'));
  const isWhole = walk.values <= maxValues && walk.aliases <= maxAliases;
  return end(isWhole ? value : undefined, walk.files);
}

/** Looks through the text, without building anything from it, for what would cost the parser too much. */
function findDanger(text: string): { readonly offset: number; readonly message: string } | undefined {
  // YAML 1.2 §5.1; besides, the parser takes NUL for the end of the file.
  const control = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/.exec(text);
  if (control) return { offset: control.index, message: 'holds a control character' };
  const indents: number[] = [];
  let [offset, tokens, flow, compact, indent, atLineStart] = [0, 0, 0, 0, 0, true];
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > maxTokens) return { offset, message: 'holds too many values' };
    const first = token[0] ?? '';
    if (first === '\n' || first === '\r') [compact, indent, atLineStart] = [0, 0, true];
    else if (atLineStart && first === ' ') indent = token.length;
    else if (first > '\u001f') {
      if (atLineStart) {
        while ((indents.at(-1) ?? -1) >= indent) indents.pop();
        indents.push(indent);
      }
      atLineStart = false;
      if (token === '-' || token === '?') compact += 1;
      else if (token === '[' || token === '{') flow += 1;
      else if (token === ']' || token === '}') flow -= 1;
      if (flow > maxDepth || indents.length + compact > maxDepth + 2)
        return { offset, message: `is nested deeper than ${maxDepth} levels` };
    }
    // The lexer's own marks are control characters, which the text does not hold.
    if (!/^[\u0002\u0018\u001f]$/.test(token) && token !== '\u{FEFF}') offset += token.length;
  }
  return undefined;
}

function describeProblem(code: string, message: string): string {
  if (code === 'TAG_RESOLVE_FAILED') return 'has a tag (!…) that is not understood; take it away';
  if (code === 'MULTIPLE_DOCS') return 'holds several documents; write one';
  if (code === 'BAD_ALIAS') return 'is not a plain value; put it in quotes';
  return `is not YAML: ${message.split('\n')[0]?.slice(0, 200) ?? ''}`;
}

function readNode(node: unknown, path: ConfigPath, keyOffset: number, walk: Walk, depth = 0): unknown {
  walk.values += 1;
  if (walk.values > maxValues) return undefined;
  const offset = offsetOf(node) ?? keyOffset;
  if (depth > maxDepth) {
    walk.fault(offset, path, `is nested deeper than ${maxDepth} levels`);
    return undefined;
  }
  const place: Place = {
    key: path.length === 0 ? offset : keyOffset,
    value: offset,
    literal: false,
    file: undefined,
  };
  if (isAlias(node)) {
    const target = walk.anchors.get(node.source);
    walk.aliases += 1;
    if (target && walk.aliases <= maxAliases) return readNode(target, path, keyOffset, walk, depth + 1);
    if (!target) walk.fault(offset, path, 'has an alias (*name) without its anchor');
    else if (walk.aliases === maxAliases + 1) walk.fault(offset, path, 'is one alias (*name) too many');
    return undefined;
  }
  if (isScalar(node)) {
    if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
    if (typeof node.value === 'string') return readText(node.value, path, place, walk);
    walk.places.set(JSON.stringify(path), place);
    return readScalar(node, offset, path, walk);
  }
  walk.places.set(JSON.stringify(path), place);
  if (isSeq(node)) {
    const value = node.items.map((item, index) =>
      readNode(item, [...path, index], offsetOf(item) ?? offset, walk, depth + 1),
    );
    // Known only behind its end, so that nothing holds itself.
    if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
    return value;
  }
  if (!isMap(node)) return null;
  const value: Record<string, unknown> = {};
  for (const { key, value: child } of node.items) {
    const start = offsetOf(key) ?? offset;
    const name = isScalar(key) && typeof key.value === 'string' ? key.value : undefined;
    const problem = problemOfKey(name, value);
    if (problem !== undefined || name === undefined) {
      walk.fault(start, name === undefined ? path : [...path, name], problem ?? '');
      continue;
    }
    value[name] = readNode(child, [...path, name], start, walk, depth + 1);
  }
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  return value;
}

function problemOfKey(name: string | undefined, seen: Readonly<Record<string, unknown>>): string | undefined {
  if (name === undefined) return 'has a key that is not text; put the key in quotes';
  if (name === '<<') return 'is a merge key, which is not understood; write the keys out';
  if (name === '__proto__' || name === 'constructor' || name === 'prototype') return 'is a key that is never allowed';
  if (Object.hasOwn(seen, name)) return 'stands twice; take one away';
  return undefined;
}

function readText(text: string, path: ConfigPath, place: Place, walk: Walk): string {
  const outcome = substitute(text, walk.scope);
  walk.files.push(...outcome.files);
  walk.places.set(JSON.stringify(path), { ...place, literal: !text.includes('${'), file: outcome.files[0] });
  if (outcome.kind === 'text') return outcome.text;
  for (const message of outcome.messages) walk.fault(place.value, path, message);
  return '';
}

/** A number must mean the same to every reader: `0777` is 511, 777 or text, depending on whom one asks. */
function readScalar(node: Scalar, offset: number, path: ConfigPath, walk: Walk): unknown {
  const written = node.source ?? '';
  if (typeof node.value === 'number' && !/^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(written))
    walk.fault(offset, path, 'is a number that readers understand differently; write it in plain digits or in quotes');
  return node.value;
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined;
}
