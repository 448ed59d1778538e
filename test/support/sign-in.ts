import { openRaw, valuesOf, type RawAnswer } from './raw.ts';

export interface SignedIn {
  /** `name=token`, ready for a `Cookie` header. */
  readonly cookie: string;
  readonly cookieName: string;
  readonly token: string;
  /** The answer to the POST. */
  readonly answer: RawAnswer;
}

export interface SignInOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** `Host` and origin of the sign-in page. Default app.test on https. */
  readonly host?: string;
  readonly scheme?: 'http' | 'https';
  readonly authPath?: string;
  readonly returnTo?: string;
  readonly remember?: boolean;
  /** Cookies the browser already has, as a `Cookie` value. */
  readonly cookies?: string;
  /** Further header lines for both requests. */
  readonly headers?: readonly string[];
}

/** The sign-in page as a browser without JavaScript holds it: where the form goes, its fields and the page's cookies. */
export interface SignInForm {
  readonly action: string;
  readonly fields: ReadonlyMap<string, string>;
  /** `name=value` of every cookie that the page set. */
  readonly cookies: readonly string[];
  readonly page: RawAnswer;
}

/** Fetches the sign-in page and reads its form. */
export async function fetchSignInForm(options: Omit<SignInOptions, 'user' | 'password'>): Promise<SignInForm> {
  const { host = 'app.test', authPath = '/_auth' } = options;
  const query = options.returnTo === undefined ? '' : `?return_to=${encodeURIComponent(options.returnTo)}`;
  const page = await exchange(options.port, [
    `GET ${authPath}/sign-in${query} HTTP/1.1`,
    `Host: ${host}`,
    'Accept: text/html',
    ...(options.cookies === undefined ? [] : [`Cookie: ${options.cookies}`]),
    ...(options.headers ?? []),
  ]);
  const html = page.body.toString('utf8');
  const form = /<form\b[^>]*method="?post"?[^>]*>[\s\S]*?<\/form>/i.exec(html)?.[0] ?? '';
  const action = attribute(/<form\b[^>]*>/i.exec(form)?.[0] ?? '', 'action') ?? `${authPath}/sign-in`;
  const fields = new Map<string, string>();
  for (const [input] of form.matchAll(/<input\b[^>]*>/gi)) {
    const name = attribute(input, 'name');
    if (name !== undefined && attribute(input, 'type') === 'hidden') fields.set(name, attribute(input, 'value') ?? '');
  }
  const cookies = valuesOf(page, 'set-cookie').map((line) => line.split(';')[0] ?? '');
  return { action, fields, cookies, page };
}

/** Posts a form as a browser does from the same origin. */
export async function postForm(
  options: Omit<SignInOptions, 'user' | 'password'> & {
    readonly target: string;
    readonly fields: Iterable<readonly [string, string]>;
    readonly cookies?: string;
  },
): Promise<RawAnswer> {
  const { host = 'app.test', scheme = 'https' } = options;
  const body = new URLSearchParams(Object.fromEntries(options.fields)).toString();
  return exchange(
    options.port,
    [
      `POST ${options.target} HTTP/1.1`,
      `Host: ${host}`,
      'Accept: text/html',
      `Origin: ${scheme}://${host}`,
      'Sec-Fetch-Site: same-origin',
      'Sec-Fetch-Mode: navigate',
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${String(Buffer.byteLength(body))}`,
      ...(options.cookies ? [`Cookie: ${options.cookies}`] : []),
      ...(options.headers ?? []),
    ],
    body,
  );
}

/** One try through the real form: GET the page, POST its fields. Says what came back, whether it worked or not. */
export async function trySignIn(options: SignInOptions): Promise<RawAnswer> {
  const form = await fetchSignInForm(options);
  const fields = new Map(form.fields);
  fields.set('username', options.user);
  fields.set('password', options.password);
  if (options.remember) fields.set('remember', 'on');
  const target = form.action.replace(/^https?:\/\/[^/]+/, '').replaceAll('&amp;', '&');
  const cookies = [...(options.cookies === undefined ? [] : [options.cookies]), ...form.cookies].join('; ');
  return postForm({ ...options, target, fields, cookies });
}

/** Signs in through the real form. Throws with the answer when no session cookie came back. */
export async function signIn(options: SignInOptions): Promise<SignedIn> {
  const answer = await trySignIn(options);
  for (const line of valuesOf(answer, 'set-cookie')) {
    const match = /^([^=;]+)=([A-Za-z0-9_-]{43})(;|$)/.exec(line);
    if (match && !/-form$/.test(match[1]!)) {
      return { cookie: `${match[1]!}=${match[2]!}`, cookieName: match[1]!, token: match[2]!, answer };
    }
  }
  throw new Error(
    `sign-in of ${options.user} failed: ${answer.statusLine} ${answer.body.toString('utf8').slice(0, 400)}`,
  );
}

async function exchange(port: number, lines: readonly string[], body = ''): Promise<RawAnswer> {
  const client = await openRaw(port);
  try {
    client.write(Buffer.from(`${[...lines, 'Connection: close'].join('\r\n')}\r\n\r\n${body}`));
    return await client.answer(lines[0]?.split(' ')[0]);
  } finally {
    client.destroy();
  }
}

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag);
  const value = match?.[1] ?? match?.[2] ?? match?.[3];
  return value
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}
