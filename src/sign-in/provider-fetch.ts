import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { getCACertificates } from 'node:tls';
import { GatewayError } from '../errors.ts';

/** Longest answer that is read; the largest sensible one is a set of keys, or a token with thousands of groups. */
const maxAnswerBytes = 1024 * 1024;

/** Longer than a request of ours takes. */
const lingerMs = 30_000;

export interface ProviderFetchOptions {
  /** PEM file with certificate authorities that are believed besides the usual ones. */
  readonly ca?: string | undefined;
  /** From the first byte of the request to the last of the answer. Default 10 s. */
  readonly timeoutMs?: number;
  /** Plain http is allowed. */
  readonly insecureHttp?: boolean;
  /** Hears after each request whether the provider could be reached. */
  readonly onReached?: (isReached: boolean) => void;
}

export interface ProviderRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** What libraries that speak to providers take for `fetch`, and the end of its connections. */
export interface ProviderFetch {
  /**
   * Follows no redirect: the answer of the address that was asked is the answer. Rejects with `provider-unreachable` when there
   * is none in time, or one that is too long.
   */
  readonly fetch: (url: string, request: ProviderRequest) => Promise<Response>;
  readonly close: () => void;
}

/**
 * Speaks to one provider, in bounded time and memory.
 *
 * @example const { fetch, close } = createProviderFetch({ ca: '/etc/corp-ca.pem' })
 */
export function createProviderFetch(options: ProviderFetchOptions): ProviderFetch {
  const { timeoutMs = 10_000, insecureHttp = false, onReached } = options;
  const ca = options.ca === undefined ? undefined : [...getCACertificates('default'), readFileSync(options.ca, 'utf8')];
  const http = new HttpAgent({ keepAlive: true, maxSockets: 32 });
  const https = new HttpsAgent({ keepAlive: true, maxSockets: 32, ...(ca === undefined ? {} : { ca }) });

  const send = (url: URL, { method, headers, body }: ProviderRequest): Promise<Response> =>
    new Promise((resolve, reject) => {
      const isPlain = url.protocol === 'http:';
      const settings = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
      const outgoing = isPlain
        ? requestHttp(url, { ...settings, agent: http })
        : requestHttps(url, { ...settings, agent: https });
      outgoing.once('error', reject);
      outgoing.once('response', (answer) => {
        readAnswer(answer).then(resolve, (error: unknown) => {
          outgoing.destroy();
          reject(error instanceof Error ? error : new Error('the answer broke off'));
        });
      });
      outgoing.end(body);
    });

  return {
    fetch: async (address, request) => {
      const url = new URL(address);
      if (url.protocol !== 'https:' && !(insecureHttp && url.protocol === 'http:'))
        throw new GatewayError('provider-unreachable', `would not speak to ${url.origin} without TLS`);
      try {
        const response = await send(url, request);
        onReached?.(response.status < 500);
        return response;
      } catch (cause) {
        onReached?.(false);
        throw new GatewayError('provider-unreachable', `could not reach ${url.origin}`, { cause });
      }
    },
    close: () => {
      // A sign-in that is under way may still need its answer; what is idle holds no process up.
      setTimeout(() => {
        http.destroy();
        https.destroy();
      }, lingerMs).unref();
    },
  };
}

async function readAnswer(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    if (size > maxAnswerBytes) throw new Error(`the answer is longer than ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers))
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  const status = answer.statusCode ?? 502;
  // What the Fetch standard calls a null body status, and what it takes for no answer at all.
  const hasBody = ![101, 204, 205, 304].includes(status);
  if (status < 200 || status > 599) throw new Error(`the answer has status ${status}`);
  return new Response(hasBody ? Buffer.concat(chunks) : null, { status, headers });
}
