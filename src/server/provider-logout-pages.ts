import { readCookie } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import type { Session } from '../session/session.ts';
import { readFields, readForm } from '../sign-in/form.ts';
import type { LogoutVerdict, ProviderLogout, RedirectMethod } from '../sign-in/method.ts';
import { networkOf } from '../sign-in/throttle.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { bareHeaders, seeOther, withBrowserCookie } from './page-parts.ts';
import type { Page, PageAnswer, PageExchange } from './pages.ts';

/** Name under which the way back from a sign-out at a provider is kept. */
const signOutTransaction = 'sign-out';

/** Forged logout tokens of one address within a minute; then it must wait. */
const maxForgedPerMinute = 60;

/** What providers call when a session ends there, and where browsers come back after a sign-out there. */
export function providerLogoutPages(tools: OwnPagesTools): readonly Page[] {
  const pages = tools.methods.redirects.flatMap(({ id, logout }): Page[] =>
    logout === undefined
      ? []
      : [
          {
            method: 'POST',
            path: `/backchannel-logout/${id}`,
            handle: (exchange) => backChannel(tools, exchange, { id, logout }),
          },
          {
            method: 'GET',
            path: `/frontchannel-logout/${id}`,
            handle: ({ facts }) => frontChannel(tools, facts, { id, logout }),
          },
        ],
  );
  if (pages.length === 0) return [];
  return [...pages, { method: 'GET', path: '/signed-out', handle: ({ facts }) => signedOut(tools, facts) }];
}

type Method = Pick<RedirectMethod, 'id'> & { readonly logout: ProviderLogout };

/** OpenID Connect Back-Channel Logout 1.0 §2.5: needs no cookie, and tells nobody which sessions there are. */
async function backChannel(
  tools: OwnPagesTools,
  { facts, request }: PageExchange,
  { id, logout }: Method,
): Promise<PageAnswer> {
  const { counters } = tools.foundation.store;
  const forged = `forged-logout:${networkOf(facts.clientAddress)}`;
  const count = await counters.get(forged);
  if (count !== null && count.count >= maxForgedPerMinute) {
    return { answer: bare(tools, 429, [['Retry-After', '60']]), reason: 'throttled' };
  }
  const body = await readForm(request, facts);
  if (body.kind === 'refused') return { answer: { ...bare(tools, body.status), close: true }, reason: body.reason };
  const token = body.fields.get('logout_token') ?? '';
  const verdict = token === '' ? noToken : await logout.backChannel(token);
  if (verdict.kind === 'refused') await counters.add(forged, 1, 60_000);
  return settle(tools, facts, id, verdict);
}

const noToken: LogoutVerdict = { kind: 'refused', reason: 'no-logout-token' };

/** OpenID Connect Front-Channel Logout 1.0 §3, by the session's name: a cookie does not travel into another site's frame. */
async function frontChannel(tools: OwnPagesTools, facts: RequestFacts, { id, logout }: Method): Promise<PageAnswer> {
  const fields = readFields(facts.rawQuery.slice(1));
  if (fields === null || facts.method !== 'GET') return { answer: bare(tools, 400), reason: 'malformed-query' };
  return settle(tools, facts, id, logout.frontChannel(fields));
}

async function settle(
  tools: OwnPagesTools,
  facts: RequestFacts,
  method: string,
  verdict: LogoutVerdict,
): Promise<PageAnswer> {
  const { sessions, audit } = tools.foundation;
  switch (verdict.kind) {
    case 'unavailable':
      return { answer: bare(tools, 503, [['Retry-After', '10']]), reason: verdict.reason };
    case 'refused':
      audit('provider-logout.refused', facts, { method, reason: verdict.reason });
      return { answer: { ...bare(tools, 400), body: '{"error":"invalid_request"}' }, reason: verdict.reason };
    case 'end': {
      const ended = await sessions.endHandle(verdict.handle, 'provider-ended');
      for (const { id, identity } of ended)
        audit('session.ended', facts, { user: identity.user, method, session: id, reason: 'provider-ended' });
      return { answer: bare(tools, 200), reason: 'signed-out' };
    }
  }
}

function bare(tools: OwnPagesTools, status: number, headers: Answer['headers'] = []): Answer {
  const type = status === 400 ? [['Content-Type', 'application/json'] as const] : [];
  return { status, headers: [...bareHeaders(tools), ...type, ...headers], body: '' };
}

/**
 * Where a browser goes whose sessions have ended here, so that it is signed out at their provider too, and the cookies it needs
 * to come back; null: nowhere.
 */
export async function signOutAtProvider(
  tools: OwnPagesTools,
  facts: RequestFacts,
  ended: readonly Session[],
  returnTo: string | null,
): Promise<{ readonly url: string; readonly setCookies: readonly string[] } | null> {
  const { methods, foundation, config } = tools;
  // Of sessions of one sign-in, the one at `publicUrl` knows the provider.
  const session = ended.find(({ provider }) => methods.redirects.some(({ id }) => id === provider?.id));
  const logout = methods.redirects.find(({ id }) => id === session?.provider?.id)?.logout;
  if (session === undefined || logout === undefined) return null;
  const { cookie, setCookies } = withBrowserCookie(tools, facts);
  const transaction = await foundation.transactions.start(cookie, facts.clientAddress, {
    method: signOutTransaction,
    purpose: 'sign-in',
    returnTo,
    fragment: '',
    remember: false,
  });
  const { publicUrl, authPath } = config.server;
  const back = { returnAddress: `${publicUrl}${authPath}/signed-out`, state: transaction?.state ?? 'none' };
  const url = logout.signOutUrl(session, back);
  return url === null ? null : { url, setCookies };
}

/** Back from the provider: on to where the person wanted to go when they signed out. */
async function signedOut(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { foundation, pages } = tools;
  const state = readFields(facts.rawQuery.slice(1))?.get('state') ?? '';
  const browser = readCookie(facts, foundation.cookie.formName);
  const transaction = await foundation.transactions.take(state, browser, signOutTransaction);
  const returnTo = transaction?.returnTo ?? null;
  const answer =
    returnTo === null ? pages.signedOut(pages.visit(facts), { returnTo: null }) : seeOther(tools, returnTo);
  return { answer, reason: 'signed-out' };
}
