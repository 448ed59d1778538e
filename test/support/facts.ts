import { createRequestReader } from '../../src/request/read.ts';
import type { RequestFacts } from '../../src/request/facts.ts';

export interface RequestParts {
  readonly method?: string;
  /** Absolute address as the visitor's address bar shows it. */
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly publicUrl?: string;
  readonly sessionCookieName?: string;
  readonly address?: string;
}

/** Facts by the real reader, of a request that a browser might send. Throws when the request can't be read. */
export function factsOf(parts: RequestParts = {}): RequestFacts {
  const { method = 'GET', url = 'https://app.test/', headers = {}, publicUrl = new URL(url).origin } = parts;
  const [, authority = '', target = '/'] = /^https?:\/\/([^/]+)(\/.*)?$/.exec(url) ?? [];
  const read = createRequestReader({
    trustedProxies: [],
    publicUrl,
    sessionCookieName: parts.sessionCookieName ?? '__Host-sallyport',
    nextRequestId: () => 'request-1',
    now: () => 0,
  });
  const result = read({
    httpVersion: '1.1',
    method,
    url: target === '' ? '/' : target,
    rawHeaders: ['Host', authority, ...Object.entries(headers).flat()],
    socket: { remoteAddress: parts.address ?? '192.0.2.1', localAddress: '192.0.2.9', destroyed: false },
  });
  if (result.kind === 'unreadable') throw new Error(`unreadable: ${result.unreadable.reason}`);
  return result.facts;
}
