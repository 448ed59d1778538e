import type { Ask, Reply, Visitor } from './visitor.ts';

const page = '/_auth/account/tokens';

export interface TokenRequest {
  readonly name?: string;
  readonly lifetimeMs?: number;
  readonly access?: 'all' | 'read';
  /** Ids of routes; left out: every app. */
  readonly apps?: readonly string[];
}

/** What a signed-in person without JavaScript does on the page of their access tokens. */
export async function formTokenOf(visitor: Visitor): Promise<string> {
  const reply = await visitor.navigate(page);
  const token = /name="form_token" value="([^"]+)"/.exec(reply.text)?.[1];
  if (token === undefined) throw new Error(`no form at ${page}: ${String(reply.status)} ${reply.location ?? ''}`);
  return token;
}

/** Posts a form of the page, as a browser does. */
export function postTokenForm(
  visitor: Visitor,
  target: string,
  fields: Readonly<Record<string, string>>,
  { origin, ...ask }: Ask & { readonly origin: string },
): Promise<Reply> {
  return visitor.navigate(target, {
    ...ask,
    method: 'POST',
    body: new URLSearchParams(fields).toString(),
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      origin,
      'sec-fetch-site': 'same-origin',
      ...ask.headers,
    },
  });
}

/** Makes a token and reads it off the page. */
export async function makeToken(visitor: Visitor, origin: string, request: TokenRequest = {}): Promise<string> {
  const { name = 'laptop', lifetimeMs = 604_800_000, access = 'all', apps } = request;
  const reply = await postTokenForm(
    visitor,
    page,
    {
      form_token: await formTokenOf(visitor),
      name,
      lifetime: String(lifetimeMs),
      access,
      scope: apps === undefined ? 'all' : 'some',
      ...Object.fromEntries((apps ?? []).map((id) => [`app:${id}`, 'on'])),
    },
    { origin },
  );
  const text = /slp_[0-9A-Za-z]{49}/.exec(reply.text)?.[0];
  if (text === undefined) throw new Error(`no token was made: ${String(reply.status)} ${reply.text.slice(0, 300)}`);
  return text;
}

/** Revokes the token that is listed under this name. */
export async function revokeToken(visitor: Visitor, origin: string, name: string): Promise<Reply> {
  const { text } = await visitor.navigate(page);
  const row = text.split('<li>').find((part) => part.includes(`<bdi>${name}</bdi>`)) ?? '';
  const id = /name="id" value="([^"]+)"/.exec(row)?.[1];
  if (id === undefined) throw new Error(`no token ${name} is listed`);
  return postTokenForm(visitor, `${page}/revoke`, { form_token: await formTokenOf(visitor), id }, { origin });
}
