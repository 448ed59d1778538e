import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import type { Door } from './attack.ts';
import { patienceMs, type RawAnswer, type RawConversation } from './raw.ts';

/** A request as HTTP/2 has it: no framing of its own, no connection headers, one name for the host. */
export interface Http2Request {
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

/** What HTTP/2 says otherwise or not at all (RFC 9113 §8.2.2); of a WebSocket also the key (RFC 8441). */
const unsaid = ['connection', 'upgrade', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'host'];

/**
 * The request that the bytes of an HTTP/1.1 request say, in HTTP/2; null when it can't be said there: a broken line, a body
 * framed twice, a header that is of the connection.
 */
export function asHttp2(bytes: Buffer, door: Door): Http2Request | null {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const [, method, target, version] = /^([!-~]+) (\S+) HTTP\/(1\.1)$/.exec(first) ?? [];
  if (method === undefined || target === undefined || version === undefined || method === 'CONNECT') return null;
  const headers: Record<string, string | string[]> = {};
  const hosts: string[] = [];
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    // node's HTTP/2 takes such a field out before anybody sees it.
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) return null;
    const folded = name.toLowerCase();
    if (folded === 'host') hosts.push(value);
    else if (door === 'upgrade' && isHandshake(folded, value)) continue;
    else if (unsaid.includes(folded) || (folded === 'te' && value !== 'trailers')) return null;
    else {
      const before = headers[folded];
      headers[folded] = before === undefined ? value : [before, value].flat();
    }
  }
  const [authority] = hosts;
  // A path is a path there (RFC 9113 §8.3.1): no absolute form, and no tunnel or echo that a client library would ask for.
  if (!target.startsWith('/') || method === 'TRACE') return null;
  if (hosts.length !== 1 || authority === undefined) return null;
  const body = text.slice(end + 4);
  const length = headers['content-length'];
  // Frames say how long a body is; another length makes the request malformed before it is one.
  if (length !== undefined && Number(length) !== body.length) return null;
  const pseudo =
    door === 'upgrade'
      ? { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'https', ':path': target, ':authority': authority }
      : { ':method': method, ':scheme': 'https', ':path': target, ':authority': authority };
  return { headers: { ...pseudo, ...headers }, body };
}

/** The lines of a WebSocket's handshake over HTTP/1.1 that an extended CONNECT has no need of. */
function isHandshake(name: string, value: string): boolean {
  return (
    name === 'sec-websocket-key' ||
    (name === 'connection' && value === 'Upgrade') ||
    (name === 'upgrade' && value === 'websocket')
  );
}

/**
 * Sends it and tells the answer as if it had come over HTTP/1.1, with 101 for an accepted WebSocket; null when the client
 * itself refuses to say such a thing. `closed`: the stream is over, by an answer or by a reset.
 */
export async function sendHttp2(port: number, request: Http2Request, door: Door): Promise<RawConversation | null> {
  const session = await openSession(port);
  try {
    return await converse(session, request, door);
  } finally {
    session.destroy();
  }
}

async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connect('https://app.test', {
    createConnection: () =>
      connectTls({ host: '127.0.0.1', port, servername: 'app.test', ALPNProtocols: ['h2'], rejectUnauthorized: false }),
  });
  session.on('error', () => undefined);
  // Before its settings have come, the client does not know that it may ask for WebSockets.
  await new Promise<void>((resolve, reject) => {
    session.setTimeout(patienceMs, () => session.destroy());
    session.once('remoteSettings', () => resolve());
    session.once('close', () => reject(new Error('the connection was closed before it said anything')));
  });
  return session;
}

function converse(
  session: ClientHttp2Session,
  { headers, body }: Http2Request,
  door: Door,
): Promise<RawConversation | null> {
  return new Promise((resolve) => {
    let stream;
    try {
      stream = session.request(headers, { endStream: body === '' && door === 'http' });
    } catch {
      return resolve(null);
    }
    const chunks: Buffer[] = [];
    const interim: number[] = [];
    let head: IncomingHttpHeaders | null = null;
    const finish = (broken: string | null): void => {
      clearTimeout(limit);
      const answer = head === null ? null : asAnswer(head, Buffer.concat(chunks), interim, door);
      resolve({ answers: answer === null ? [] : [answer], closed: broken === null, tunnel: Buffer.alloc(0), broken });
    };
    const limit = setTimeout(() => finish('no answer in time'), patienceMs / 2);
    stream.on('headers', (more) => interim.push(Number(more[':status'])));
    stream.on('response', (found) => {
      head = found;
      // A tunnel stays open for as long as anybody likes.
      if (door === 'upgrade' && found[':status'] === 200) finish(null);
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => undefined);
    // Whoever is refused a tunnel has not ended their side of it.
    for (const event of ['end', 'close']) stream.on(event, () => finish(null));
    session.on('close', () => finish(null));
    if (door === 'http' && body !== '') stream.end(Buffer.from(body, 'latin1'));
  });
}

function asAnswer(head: IncomingHttpHeaders, body: Buffer, interim: readonly number[], door: Door): RawAnswer {
  const given = Number(head[':status']);
  const status = door === 'upgrade' && given === 200 ? 101 : given;
  const headers = Object.entries(head)
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, value]) => [value ?? []].flat().map((one) => [name, one] as const));
  return { status, statusLine: `HTTP/2 ${String(given)}`, headers, body, trailers: [], interim };
}
