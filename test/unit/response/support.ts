import type { Answer } from '../../../src/response/answer.ts';
import { themeConfig } from '../../../src/response/config.ts';
import { readPageFiles } from '../../../src/response/pages/assets.ts';
import { createPages, type Pages } from '../../../src/response/pages/pages.ts';
import type { CanonicalPath, RequestFacts } from '../../../src/request/facts.ts';
import type { ForwardingRoute } from '../../../src/route/table.ts';
import { upstreamConfig } from '../../../src/route/upstream/config.ts';

/** Pages as a fresh installation has them, with what a test wants different. */
export function pagesFor(options: { theme?: Record<string, unknown>; publicUrl?: string } = {}): Pages {
  const theme = themeConfig.parse(options.theme ?? {});
  return createPages({
    theme,
    authPath: '/_auth',
    publicUrl: options.publicUrl ?? 'https://auth.example.com',
    files: readPageFiles(theme),
  });
}

export interface FactsInput {
  readonly method?: string;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly upgrade?: readonly string[];
}

/** Facts as `request/read.ts` makes them of a clean request. */
export function factsOf({ method = 'GET', url = 'https://app.example.com/x', headers = {}, upgrade = [] }: FactsInput) {
  const match = /^(https?):\/\/([^/?]+)([^?]*)(\?.*)?$/.exec(url)!;
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  const facts: RequestFacts = {
    id: 'req-1',
    receivedAtMs: 0,
    method,
    scheme: scheme as 'http' | 'https',
    host: authority.replace(/:\d+$/, ''),
    port: Number(/:(\d+)$/.exec(authority)?.[1] ?? (scheme === 'https' ? 443 : 80)),
    authority,
    origin: `${scheme}://${authority}`,
    path: path as CanonicalPath,
    otherReadings: [],
    hasEncodedSlash: false,
    rawPath: path,
    rawQuery: query,
    headers: Object.entries(headers),
    header: (name) => headers[name],
    clientAddress: '192.0.2.1',
    peerAddress: '192.0.2.1',
    fromTrustedProxy: false,
    forwardedFor: [],
    clientCertificate: null,
    sessionTokens: [],
    upgrade,
    hasBody: false,
    expectsContinue: false,
  };
  return facts;
}

/** A route of which only what pages may tell matters. */
export function routeOf(more: Partial<ForwardingRoute> = {}): ForwardingRoute {
  return {
    id: 'wiki',
    title: 'Wiki',
    host: 'app.example.com',
    path: '/' as CanonicalPath,
    upstream: upstreamConfig.parse('http://10.9.8.7:3000'),
    answer: null,
    upstreamPath: null,
    preserveHost: true,
    requestHeaders: null,
    responseHeaders: null,
    maxBodyBytes: null,
    encodedSlashes: false,
    acceptBasic: false,
    acceptTokens: true,
    allowedOrigins: new Set(),
    clearCookies: [],
    policy: { evaluate: () => ({ kind: 'deny', rule: null }), judgesPaths: false },
    headers: { names: [], write: () => [], writeAll: () => [] },
    basicAuth: null,
    accessToken: null,
    ...more,
  };
}

export function headerOf(answer: Answer, name: string): string | undefined {
  return answer.headers.find(([entry]) => entry.toLowerCase() === name.toLowerCase())?.[1];
}

export function headersOf(answer: Answer, name: string): string[] {
  return answer.headers.filter(([entry]) => entry.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
}
