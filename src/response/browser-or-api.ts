import type { RequestFacts } from '../request/facts.ts';

/** What of a request tells a person's navigation from a program's call. */
export type Asked = Pick<RequestFacts, 'method' | 'header' | 'upgrade'>;

/** Fetch destinations that show a page to a person (Fetch Metadata, W3C). */
const pageDestinations: ReadonlySet<string> = new Set([
  'document',
  'iframe',
  'frame',
  'embed',
  'object',
  'fencedframe',
]);

/** An `Accept` that names this media type with a weight above 0. */
function acceptsExplicitly(accept: string, type: string): boolean {
  return accept.split(',').some((range) => {
    const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return name === type && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

/** A script's doing, by its own word: such a request never gets a page, a redirect or a password prompt. */
export function isScript(asked: Asked): boolean {
  const mode = asked.header('sec-fetch-mode');
  return (
    asked.header('x-requested-with') !== undefined ||
    asked.header('service-worker') !== undefined ||
    (mode !== undefined && mode !== 'navigate') ||
    asked.header('sec-fetch-dest') === 'empty'
  );
}

/**
 * A program's doing, as far as one can tell: none of the headers that browsers send by themselves. Only such a request is asked
 * for a password by a Basic challenge, which makes a browser open a window of its own.
 */
export function isProgram(asked: Asked): boolean {
  return (
    !isScript(asked) &&
    asked.header('sec-fetch-dest') === undefined &&
    asked.header('sec-fetch-site') === undefined &&
    !/^mozilla\//i.test(asked.header('user-agent') ?? '')
  );
}

/**
 * True when a person is looking at the answer: GET or HEAD, shown as a page, not a script's fetch. Only such a request is
 * led to a page; everything else gets a status and a problem, because a redirect to a form is poison for programs.
 */
export function isNavigation(asked: Asked): boolean {
  if (asked.method !== 'GET' && asked.method !== 'HEAD') return false;
  if (asked.upgrade.length > 0 || isScript(asked)) return false;
  const destination = asked.header('sec-fetch-dest');
  if (destination !== undefined && !pageDestinations.has(destination)) return false;
  const accept = asked.header('accept') ?? '';
  if (acceptsExplicitly(accept, 'text/html')) return true;
  // Browsers say text/html when they navigate. Where one says navigate and leaves Accept open, a page is still right.
  return (
    asked.header('sec-fetch-mode') === 'navigate' &&
    (accept === '' || acceptsExplicitly(accept, '*/*') || acceptsExplicitly(accept, 'text/*'))
  );
}
