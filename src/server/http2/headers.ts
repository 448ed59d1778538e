import type { OutgoingHttpHeader } from 'node:http';

/** RFC 9113 §8.2.2. */
const ofConnections: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
]);

const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
const badValue = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Flat raw headers of an answer as HTTP/2 takes them: without those of a connection, and without a length where there
 * is no body to have one. Throws ERR_INVALID_CHAR or ERR_INVALID_HTTP_TOKEN for what node would not write in HTTP/1 either.
 */
export function http2Headers(
  flat: readonly OutgoingHttpHeader[],
  dropLength: boolean,
): { readonly lines: string[]; readonly hasLength: boolean } {
  const lines: string[] = [];
  let hasLength = false;
  for (let index = 0; index + 1 < flat.length; index += 2) {
    const name = String(flat[index]).toLowerCase();
    const value = String(flat[index + 1]);
    if (ofConnections.has(name)) continue;
    if (name === 'content-length') {
      hasLength = true;
      if (dropLength) continue;
    }
    if (!token.test(name))
      throw Object.assign(new TypeError(`header name must be a token ["${name}"]`), { code: 'ERR_INVALID_HTTP_TOKEN' });
    if (badValue.test(value))
      throw Object.assign(new TypeError(`invalid character in header content ["${name}"]`), {
        code: 'ERR_INVALID_CHAR',
      });
    // A blank at either end makes a field malformed in HTTP/2 (RFC 9113 §8.2.1).
    lines.push(name, value.trim());
  }
  return { lines, hasLength };
}
