import type { Unreadable } from './facts.ts';

/** What of a request an upgrade is judged by. */
export interface UpgradeQuestion {
  readonly httpVersion: string;
  readonly method: string;
  /** All lines of `Upgrade`. */
  readonly upgrade: readonly string[];
  /** All lines of `Connection`. */
  readonly connection: readonly string[];
  readonly hasHttp2Settings: boolean;
  /** `Content-Length` other than 0, or any `Transfer-Encoding`. */
  readonly hasBody: boolean;
}

const none: readonly string[] = [];

/**
 * The protocol that the request wants to change to, in a list of one; an empty list when it stays plain HTTP.
 *
 * Plain HTTP stays: without `Connection: upgrade` the header means nothing (RFC 9110 §7.8), HTTP/1.0 can't upgrade, and
 * `h2c` with `HTTP2-Settings` is an offer that we pass over (RFC 9113 §3.1 has dropped it). Refused are protocols that
 * would carry other requests past the gate (HTTP/2 in clear text, TLS, HTTP), lists of which an upstream might choose
 * another entry than we judged, and bodies, which some servers would read as the first bytes of the tunnel.
 */
export function readUpgrade(question: UpgradeQuestion): readonly string[] | Unreadable {
  if (question.upgrade.length === 0 || question.httpVersion !== '1.1') return none;
  if (!question.connection.some((line) => listOf(line).includes('upgrade'))) return none;
  const protocols = question.upgrade.flatMap(listOf);
  const protocol = protocols[0];
  if (protocols.length === 1 && protocol === 'h2c' && question.hasHttp2Settings) return none;
  if (protocol === undefined || protocols.length > 1 || !/^[!#$%&'*+.^_`|~0-9a-z/-]{1,64}$/.test(protocol))
    return { status: 400, reason: 'bad-upgrade' };
  if (/^(?:h2c?|h3|https?|tls|ssl|connect-udp|connect-ip)(?:$|[/-])/.test(protocol))
    return { status: 400, reason: 'upgrade-not-supported' };
  if (question.hasBody) return { status: 400, reason: 'upgrade-with-body' };
  if (protocol === 'websocket' && question.method !== 'GET') return { status: 400, reason: 'bad-upgrade-method' };
  return [protocol];
}

/** Entries of a comma list in lower case, without blanks and without empty ones. */
function listOf(line: string): readonly string[] {
  return line
    .toLowerCase()
    .split(',')
    .map((entry) => entry.replace(/^[ \t]+|[ \t]+$/g, ''))
    .filter((entry) => entry !== '');
}

/** What of an incoming message `wantsUpgrade` looks at. */
export interface UpgradeMessage {
  readonly httpVersion: string;
  readonly method?: string | undefined;
  readonly rawHeaders: readonly string[];
}

/**
 * For node's `shouldUpgradeCallback`: the request is for the `upgrade` event. A faulty upgrade is not: it is served as a
 * plain request, which the reader refuses.
 */
export function wantsUpgrade(request: UpgradeMessage): boolean {
  const upgrade: string[] = [];
  const connection: string[] = [];
  let hasHttp2Settings = false;
  let hasBody = false;
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const value = request.rawHeaders[index + 1] ?? '';
    switch (request.rawHeaders[index]?.toLowerCase()) {
      case 'upgrade':
        upgrade.push(value);
        break;
      case 'connection':
        connection.push(value);
        break;
      case 'http2-settings':
        hasHttp2Settings = true;
        break;
      case 'content-length':
        hasBody ||= value !== '0';
        break;
      case 'transfer-encoding':
        hasBody = true;
        break;
      default:
    }
  }
  const answer = readUpgrade({
    httpVersion: request.httpVersion,
    method: request.method ?? '',
    upgrade,
    connection,
    hasHttp2Settings,
    hasBody,
  });
  return 'length' in answer && answer.length > 0;
}
