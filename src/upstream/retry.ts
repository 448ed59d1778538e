import { wasReused } from './agents.ts';
import { codeOf } from './failure.ts';

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PROPFIND', 'REPORT', 'SEARCH']);

/** Whether a request without a body that got no answer may be sent once more: it changes nothing, and it was not seen. */
export function mayTryAgain(method: string, cause: Error): boolean {
  return safeMethods.has(method) && diedIdle(cause);
}

/** The connection had served before and was hung up while idle: this request met the hang-up and was not seen. */
function diedIdle(cause: Error): boolean {
  const code = codeOf(cause);
  if (code !== 'UND_ERR_SOCKET' && code !== 'ECONNRESET' && code !== 'EPIPE') return false;
  return wasReused(cause);
}
