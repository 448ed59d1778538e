import type { RequestFacts, Unreadable } from '../../../src/request/facts.ts';
import { createRequestReader, type ReadableMessage, type RequestReaderOptions } from '../../../src/request/read.ts';

export interface MessageParts {
  readonly method?: string;
  readonly url?: string;
  readonly httpVersion?: string;
  /** Lines `Name: value`; the name ends at the first `: `. */
  readonly lines?: readonly string[];
  readonly remoteAddress?: string | undefined;
  readonly encrypted?: boolean;
}

/** An incoming message as node would hand it over. */
export function message(parts: MessageParts = {}): ReadableMessage {
  const remoteAddress = 'remoteAddress' in parts ? parts.remoteAddress : '192.0.2.7';
  const socket = { remoteAddress, localAddress: '192.0.2.1', destroyed: false };
  return {
    method: parts.method ?? 'GET',
    url: parts.url ?? '/',
    httpVersion: parts.httpVersion ?? '1.1',
    rawHeaders: (parts.lines ?? ['Host: app.test']).flatMap((line) => {
      const colon = line.indexOf(': ');
      return [line.slice(0, colon), line.slice(colon + 2)];
    }),
    socket: parts.encrypted === true ? { ...socket, encrypted: true } : socket,
  } as ReadableMessage;
}

/** A reader for `https://app.test` that trusts 10.0.0.0/8. */
export function reader(options: Partial<RequestReaderOptions> = {}) {
  let id = 0;
  return createRequestReader({
    trustedProxies: ['10.0.0.0/8'],
    publicUrl: 'https://app.test',
    sessionCookieName: '__Host-sallyport',
    nextRequestId: () => `r${++id}`,
    now: () => 1_000,
    ...options,
  });
}

/** What a request is read as: its facts; throws when it is unreadable. */
export function factsOf(parts: MessageParts = {}, options: Partial<RequestReaderOptions> = {}): RequestFacts {
  const result = reader(options)(message(parts));
  if (result.kind === 'unreadable') throw new Error(`unreadable: ${result.unreadable.reason}`);
  return result.facts;
}

/** `400 bad-host` for an unreadable request, `fine` for another. */
export function refusalOf(parts: MessageParts = {}, options: Partial<RequestReaderOptions> = {}): string {
  const result = reader(options)(message(parts));
  return result.kind === 'facts' ? 'fine' : textOf(result.unreadable);
}

function textOf({ status, reason }: Unreadable): string {
  return `${status} ${reason}`;
}
