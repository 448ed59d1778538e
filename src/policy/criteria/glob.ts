import { canonicalPath } from '../../request/path.ts';

/** True when a path (canonical, or folded as the glob was) is one of the glob's. */
export type PathMatcher = (path: string) => boolean;

/** What is wrong with a glob, in words for the configuration; null when nothing is. */
export function globFault(glob: string): string | null {
  if (!glob.startsWith('/')) return 'must start with /';
  if (/[?[\]{}!()\\]/.test(glob)) return 'knows only * (within a segment) and ** (across segments)';
  if (glob.split('/').some((segment) => segment.includes('**') && segment !== '**'))
    return 'has ** beside other text; ** must stand alone between slashes, as in /a/**/*.png';
  // A star is an ordinary character of a path, so the rest can be checked as one.
  if (canonicalPath(glob) === null)
    return 'can never fit a path: it has dot segments, doubled slashes or a broken escape';
  return null;
}

/**
 * Compiles a glob: `*` stands for any characters within a segment (at least one where it is the whole segment), `**` for
 * any number of segments, also none: `/static/**` fits `/static` too. One slash at the end makes no difference, on either
 * side. A match takes time in proportion to the path: no path is slow against any glob. `fold` writes literal text in
 * another form. Throws on a glob that `globFault` finds fault with.
 */
export function compileGlob(glob: string, fold: (text: string) => string = (text) => text): PathMatcher {
  const fault = globFault(glob);
  const path = canonicalPath(glob);
  if (fault !== null || path === null) throw new RangeError(`${glob} ${fault ?? ''}`);
  const parts = partsOf(withoutEnd(path), fold);
  const [first = { kind: 'text', text: '' }, second, third] = parts;
  if (first.kind === 'text' && second === undefined) return (text) => withoutEnd(text) === first.text;
  if (first.kind === 'gap' && second === undefined) return () => true;
  if (first.kind === 'text' && second?.kind === 'gap' && third === undefined)
    return (text) =>
      text.startsWith(first.text) && (text.length === first.text.length || text[first.text.length] === '/');
  const start = first.kind === 'text' ? first.text : '';
  const machine = createMachine(parts);
  return (text) => text.startsWith(start) && machine(withoutEnd(text));
}

function withoutEnd(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** `gap`: `/**`, that is nothing, or a slash and anything. `star`: any characters but slashes. `one`: one such. */
type Part = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'gap' | 'star' | 'one' };

function partsOf(path: string, fold: (text: string) => string): readonly Part[] {
  const parts: Part[] = [];
  for (const segment of path.split('/').slice(1)) {
    const last = parts.at(-1);
    if (segment === '**') {
      if (last?.kind !== 'gap') parts.push({ kind: 'gap' });
      continue;
    }
    addText(parts, '/');
    if (segment === '*') parts.push({ kind: 'one' });
    segment.split('*').forEach((text, index) => {
      if (index > 0) parts.push({ kind: 'star' });
      if (text !== '') addText(parts, fold(text));
    });
  }
  return parts;
}

function addText(parts: Part[], text: string): void {
  const last = parts.at(-1);
  if (last?.kind === 'text') parts[parts.length - 1] = { kind: 'text', text: last.text + text };
  else parts.push({ kind: 'text', text });
}

/**
 * Runs all ways of matching side by side, a bit for each place in the glob (a Thompson automaton in words of 32 places).
 * A gap has two places: before its slash, and within it.
 */
function createMachine(parts: readonly Part[]): PathMatcher {
  const places = parts.reduce(
    (sum, part) => sum + (part.kind === 'text' ? part.text.length : part.kind === 'gap' ? 2 : 1),
    1,
  );
  const words = Math.ceil(places / 32);
  const blank = (): Int32Array => new Int32Array(words);
  const set = (mask: Int32Array, place: number): void => {
    mask[place >>> 5] = (mask[place >>> 5] ?? 0) | (1 << (place & 31));
  };
  const literals = new Map<number, Int32Array>();
  const ones = blank();
  const stars = blank();
  const gaps = blank();
  const gapStarts = blank();

  let place = 0;
  for (const part of parts) {
    switch (part.kind) {
      case 'text':
        for (let index = 0; index < part.text.length; index += 1) {
          const code = part.text.charCodeAt(index);
          let mask = literals.get(code);
          if (mask === undefined) literals.set(code, (mask = blank()));
          set(mask, place);
          place += 1;
        }
        break;
      case 'one':
        set(ones, place);
        place += 1;
        break;
      case 'star':
        set(stars, place);
        place += 1;
        break;
      case 'gap':
        set(gapStarts, place);
        set(gaps, place + 1);
        place += 2;
        break;
    }
  }
  const end = place;
  /** Places that a character lets step on: its own, and those that take any but a slash (a slash: that begin a gap). */
  const stepsOfOther = ones;
  const slash = literals.get(0x2f) ?? blank();
  const stepsOfSlash = slash.map((word, index) => word | (gapStarts[index] ?? 0));
  const steps = new Map(
    [...literals].map(([code, mask]) => [code, mask.map((word, index) => word | (ones[index] ?? 0))]),
  );
  steps.set(0x2f, stepsOfSlash);
  const staysAtSlash = gaps;
  const staysAtOther = gaps.map((word, index) => word | (stars[index] ?? 0));
  /** A star or a gap may end at any time; a gap may also not begin at all. */
  const skipsOne = staysAtOther;
  const skipsTwo = gapStarts;

  return (text) => {
    const state = blank();
    state[0] = 1;
    skip(state, skipsOne, skipsTwo);
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      const step = steps.get(code) ?? stepsOfOther;
      const stay = code === 0x2f ? staysAtSlash : staysAtOther;
      let carry = 0;
      let alive = 0;
      for (let word = 0; word < words; word += 1) {
        const now = state[word] ?? 0;
        const moved = now & (step[word] ?? 0);
        const next = (moved << 1) | carry | (now & (stay[word] ?? 0));
        carry = moved >>> 31;
        state[word] = next;
        alive |= next;
      }
      if (alive === 0) return false;
      skip(state, skipsOne, skipsTwo);
    }
    return (((state[end >>> 5] ?? 0) >>> (end & 31)) & 1) === 1;
  };
}

/** First over stars and gaps that end, then over gaps that do not begin: a gap may follow a star, never the reverse. */
function skip(state: Int32Array, skipsOne: Int32Array, skipsTwo: Int32Array): void {
  let carryOne = 0;
  let carryTwo = 0;
  for (let word = 0; word < state.length; word += 1) {
    const before = state[word] ?? 0;
    const one = before & (skipsOne[word] ?? 0);
    const between = before | (one << 1) | carryOne;
    carryOne = one >>> 31;
    const two = between & (skipsTwo[word] ?? 0);
    state[word] = between | (two << 2) | carryTwo;
    carryTwo = two >>> 30;
  }
}
