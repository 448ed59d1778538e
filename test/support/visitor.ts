import { request } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { WebSocket } from 'ws';

/** What came back, read to its end. */
export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly setCookies: readonly string[];
  readonly location: string | null;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly host?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface SignInOptions {
  readonly returnTo?: string;
  /** The sign-in page with a query of the test's own; instead of `returnTo`. */
  readonly page?: string;
  readonly remember?: boolean;
  /** Further fields, as they stand behind those of the form. */
  readonly fields?: readonly (readonly [name: string, value: string])[];
  /** Names of hidden fields that are left out. */
  readonly without?: readonly string[];
  /** Where the form is sent; default: where it says. */
  readonly target?: string;
  /** Sent with the form, as a browser or an attacker would. */
  readonly headers?: OutgoingHttpHeaders;
}

/** A browser without JavaScript: keeps cookies, fills in forms, follows nothing by itself. */
export interface Visitor {
  /** Cookies by name; write to it to plant one. */
  readonly cookies: Map<string, string>;
  readonly send: (path: string, ask?: Ask) => Promise<Reply>;
  /** A GET as a browser navigates. */
  readonly navigate: (path: string, ask?: Ask) => Promise<Reply>;
  /** Opens the sign-in page and sends its form. */
  readonly signIn: (user: string, password: string, options?: SignInOptions) => Promise<Reply>;
  /** A plain link to sign out, followed from our own site. */
  readonly signOut: () => Promise<Reply>;
  /** Value of the session cookie, or null. */
  readonly token: () => string | null;
  /** Name under which the session cookie was set, or null. */
  readonly tokenName: () => string | null;
  /** Resolves with the open WebSocket; rejects with the status of the refusal in its message. */
  readonly openSocket: (path: string, headers?: Record<string, string>) => Promise<WebSocket>;
}

export interface VisitorOptions {
  /** `Host` to send; default 127.0.0.1:PORT. */
  readonly host?: string;
  /** Scheme that this browser sees in its address bar; default http. */
  readonly scheme?: 'http' | 'https';
  readonly authPath?: string;
}

export const navigationHeaders = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
  'upgrade-insecure-requests': '1',
} as const;

export const sessionCookiePattern = /^(__Host-|__Secure-)?sallyport$/;

function unescapeHtml(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

function attribute(tag: string, name: string): string | null {
  const match = new RegExp(`\\s${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  return match === null ? null : unescapeHtml(match[1] ?? match[2] ?? match[3] ?? '');
}

/** The first POST form of a page: where it goes and its hidden fields. */
export function readForm(html: string): { readonly action: string | null; readonly hidden: [string, string][] } | null {
  const form = /<form\b[^>]*method\s*=\s*["']?post[^>]*>([\s\S]*?)<\/form>/i.exec(html);
  if (form === null) return null;
  const opening = form[0].slice(0, form[0].indexOf('>') + 1);
  const hidden: [string, string][] = [];
  for (const tag of (form[1] ?? '').match(/<input\b[^>]*>/gi) ?? []) {
    const name = attribute(tag, 'name');
    if (name !== null && attribute(tag, 'type') === 'hidden') hidden.push([name, attribute(tag, 'value') ?? '']);
  }
  return { action: attribute(opening, 'action'), hidden };
}

/** One request on a fresh connection, cookies only where `headers` says so. */
export function sendTo(port: number, path: string, ask: Ask = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method: ask.method ?? 'GET',
      agent: false,
      headers: {
        host: ask.host ?? `127.0.0.1:${port}`,
        ...(ask.body === undefined ? {} : { 'content-length': Buffer.byteLength(ask.body) }),
        ...ask.headers,
      },
    });
    outgoing.setTimeout(30_000, () => outgoing.destroy(new Error(`no answer to ${ask.method ?? 'GET'} ${path}`)));
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          setCookies: response.headers['set-cookie'] ?? [],
          location: response.headers.location ?? null,
          text: Buffer.concat(chunks).toString(),
        }),
      );
    });
    outgoing.end(ask.body);
  });
}

/** A visitor of the gateway that listens on `port`. */
export function createVisitor(
  port: number,
  { host, scheme = 'http', authPath = '/_auth' }: VisitorOptions = {},
): Visitor {
  const cookies = new Map<string, string>();
  const ownHost = host ?? `127.0.0.1:${port}`;

  const cookieHeader = (): OutgoingHttpHeaders =>
    cookies.size === 0 ? {} : { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') };

  const keep = (reply: Reply): Reply => {
    for (const line of reply.setCookies) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const gone = attributes.some(
        (part) =>
          /^max-age=(0|-\d+)$/i.test(part) || (/^expires=/i.test(part) && Date.parse(part.slice(8)) < Date.now()),
      );
      if (gone) cookies.delete(name);
      else cookies.set(name, pair.slice(pair.indexOf('=') + 1));
    }
    return reply;
  };

  const send = async (path: string, ask: Ask = {}): Promise<Reply> =>
    keep(
      await sendTo(port, path, { ...ask, host: ask.host ?? ownHost, headers: { ...cookieHeader(), ...ask.headers } }),
    );

  const navigate = (path: string, ask: Ask = {}): Promise<Reply> =>
    send(path, { ...ask, headers: { ...navigationHeaders, ...ask.headers } });

  const tokenName = (): string | null => [...cookies.keys()].find((name) => sessionCookiePattern.test(name)) ?? null;

  return {
    cookies,
    send,
    navigate,
    tokenName,
    token: () => cookies.get(tokenName() ?? '') ?? null,
    signIn: async (user, password, options = {}) => {
      const query = options.returnTo === undefined ? '' : `?return_to=${encodeURIComponent(options.returnTo)}`;
      const pagePath = options.page ?? `${authPath}/sign-in${query}`;
      const page = await navigate(pagePath);
      const form = readForm(page.text);
      if (form === null) throw new Error(`no sign-in form at ${pagePath}: ${page.status} ${page.text.slice(0, 200)}`);
      const action = new URL(form.action ?? pagePath, `http://gateway${pagePath}`);
      const fields: (readonly [string, string])[] = [
        ...form.hidden.filter(([name]) => options.without?.includes(name) !== true),
        ['username', user],
        ['password', password],
        ...(options.fields ?? []),
      ];
      if (options.remember === true) fields.push(['remember', 'on']);
      return navigate(options.target ?? action.pathname + action.search, {
        method: 'POST',
        body: fields.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&'),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          origin: `${scheme}://${ownHost}`,
          'sec-fetch-site': 'same-origin',
          ...options.headers,
        },
      });
    },
    signOut: () => navigate(`${authPath}/sign-out`, { headers: { 'sec-fetch-site': 'same-origin' } }),
    openSocket: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, {
          handshakeTimeout: 15_000,
          headers: { host: ownHost, ...(cookieHeader() as Record<string, string>), ...headers },
        });
        socket.once('open', () => resolve(socket));
        socket.once('unexpected-response', (_request, response) => {
          reject(new Error(`refused with ${response.statusCode}`));
          socket.terminate();
        });
        socket.once('error', reject);
      }),
  };
}

/** Resolves with the close code, also for a connection that was just cut (1006). */
export function socketClosed(socket: WebSocket): Promise<number> {
  return new Promise((resolve) => {
    if (socket.readyState === WebSocket.CLOSED) resolve(1006);
    else socket.once('close', (code) => resolve(code));
  });
}
