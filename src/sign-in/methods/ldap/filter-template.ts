import {
  AndFilter,
  ApproximateFilter,
  EqualityFilter,
  ExtensibleFilter,
  GreaterThanEqualsFilter,
  LessThanEqualsFilter,
  NotFilter,
  OrFilter,
  PresenceFilter,
  SubstringFilter,
  type Filter,
} from 'ldapts';

/** What stands in for `{user}` and `{dn}`. */
export type FilterValues = Readonly<Partial<Record<string, string>>>;

export type FilterTemplate =
  | {
      readonly kind: 'template';
      /** The filter with these values, whatever characters are in them. Built as an object: no value is ever parsed. */
      readonly fill: (values: FilterValues) => Filter;
    }
  | { readonly kind: 'problem'; readonly message: string };

type Fill = (values: FilterValues) => Filter;
type Text = (values: FilterValues) => string;

const maxDepth = 20;

/**
 * Reads a search filter (RFC 4515) in which values may hold placeholders: `(|(uid={user})(mail={user}))`. White space between
 * filters is allowed. A placeholder that is not in `names` is a problem, like anything that is no filter.
 */
export function readFilterTemplate(text: string, names: readonly string[]): FilterTemplate {
  try {
    const source = { text: text.trim(), names };
    const { fill, next } = readFilter(source, 0, 0);
    if (next !== source.text.length) throw new FilterProblem('goes on behind its closing parenthesis');
    return { kind: 'template', fill };
  } catch (error) {
    if (error instanceof FilterProblem) return { kind: 'problem', message: error.message };
    throw error;
  }
}

class FilterProblem extends Error {}

interface Source {
  readonly text: string;
  readonly names: readonly string[];
}

interface Read {
  readonly fill: Fill;
  readonly next: number;
}

function readFilter(source: Source, start: number, depth: number): Read {
  const { text } = source;
  if (depth > maxDepth) throw new FilterProblem(`is nested deeper than ${maxDepth} levels`);
  if (text[start] !== '(')
    throw new FilterProblem(`needs an opening parenthesis at "${text.slice(start, start + 20)}"`);
  const kind = text[start + 1];
  if (kind === '&' || kind === '|' || kind === '!') {
    const parts: Fill[] = [];
    let at = skipBlanks(text, start + 2);
    while (text[at] === '(') {
      const part = readFilter(source, at, depth + 1);
      parts.push(part.fill);
      at = skipBlanks(text, part.next);
    }
    if (text[at] !== ')') throw new FilterProblem('has a parenthesis that is not closed');
    if (parts.length === 0 || (kind === '!' && parts.length > 1))
      throw new FilterProblem(`needs ${kind === '!' ? 'one filter' : 'filters'} behind ${kind}`);
    return { fill: combine(kind, parts), next: at + 1 };
  }
  const end = text.indexOf(')', start);
  if (end === -1) throw new FilterProblem('has a parenthesis that is not closed');
  return { fill: readItem(text.slice(start + 1, end), source.names), next: end + 1 };
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  while (/\s/.test(text[at] ?? '')) at += 1;
  return at;
}

function combine(kind: '&' | '|' | '!', parts: readonly Fill[]): Fill {
  return (values) => {
    const filters = parts.map((part) => part(values));
    const [first] = filters;
    if (kind === '!' && first !== undefined) return new NotFilter({ filter: first });
    return kind === '&' ? new AndFilter({ filters }) : new OrFilter({ filters });
  };
}

const itemPattern =
  /^([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)?((?:;[A-Za-z0-9-]+)*)(:dn)?(?::([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+))?(:=|~=|>=|<=|=)([^]*)$/;

function readItem(item: string, names: readonly string[]): Fill {
  const match = itemPattern.exec(item);
  const [, name = '', options = '', dn, rule, sign = '', raw = ''] = match ?? [];
  const attribute = name + options;
  const isExtensible = sign === ':=';
  if (match === null || (!isExtensible && (dn ?? rule) !== undefined) || (attribute === '' && rule === undefined))
    throw new FilterProblem(`does not say attribute=value at "(${item})"`);
  if (raw.includes('(')) throw new FilterProblem(`has a ( inside of a value at "(${item})"; write \\28`);
  if (sign === '=' && raw === '*') return () => new PresenceFilter({ attribute });
  if (sign === '=' && raw.includes('*')) return substring(attribute, raw, names);
  if (raw.includes('*')) throw new FilterProblem(`has a * that does not stand behind = at "(${item})"; write \\2a`);
  const value = readValue(raw, names);
  if (isExtensible) {
    const matching = { dnAttributes: dn !== undefined, ...(rule === undefined ? {} : { rule }), matchType: attribute };
    return (values) => new ExtensibleFilter({ ...matching, value: value(values) });
  }
  if (sign === '~=') return (values) => new ApproximateFilter({ attribute, value: value(values) });
  if (sign === '>=') return (values) => new GreaterThanEqualsFilter({ attribute, value: value(values) });
  if (sign === '<=') return (values) => new LessThanEqualsFilter({ attribute, value: value(values) });
  return (values) => new EqualityFilter({ attribute, value: value(values) });
}

function substring(attribute: string, raw: string, names: readonly string[]): Fill {
  const pieces = raw.split('*').map((piece) => readValue(piece, names));
  return (values) => {
    const texts = pieces.map((piece) => piece(values));
    const any = texts.slice(1, -1).filter((text) => text !== '');
    return new SubstringFilter({ attribute, initial: texts[0] ?? '', any, final: texts.at(-1) ?? '' });
  };
}

/** Text, `\xx` escapes (bytes of UTF-8) and `{placeholders}`. */
function readValue(raw: string, names: readonly string[]): Text {
  const parts = raw.split(/\{([^{}]*)\}/);
  const texts = parts.map((part, index): Text => {
    if (index % 2 === 0) {
      const literal = unescape(part);
      return () => literal;
    }
    if (!names.includes(part))
      throw new FilterProblem(`has {${part}}, which stands for nothing; there ${describe(names)}`);
    return (values) => values[part] ?? '';
  });
  return (values) => texts.map((text) => text(values)).join('');
}

function describe(names: readonly string[]): string {
  const written = names.map((name) => `{${name}}`);
  return written.length === 1 ? `is ${written.join()}` : `are ${written.join(', ')}`;
}

function unescape(part: string): string {
  if (/\\(?![0-9A-Fa-f]{2})/.test(part)) throw new FilterProblem('has a \\ without two hex digits');
  if (/[{}\u0000]/.test(part)) throw new FilterProblem('has a lone { or } in a value; write \\7b or \\7d');
  const bytes = Buffer.from(part.replaceAll(/\\([0-9A-Fa-f]{2})/g, '\u0000$1')).toString('latin1');
  const whole = bytes.replaceAll(/\u0000([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(whole, 'latin1'));
  } catch {
    throw new FilterProblem('has \\ escapes that are not UTF-8');
  }
}
