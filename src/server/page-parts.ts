import type { Authenticated } from '../authentication/authenticator.ts';
import { readCookie } from '../request/cookies.ts';
import { readPath } from '../request/path.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import { strictTransport } from './hsts.ts';
import { createSecurityHeaders } from '../response/security-headers.ts';
import type { Route } from '../route/table.ts';
import type { Session } from '../session/session.ts';
import type { FormPurpose } from '../sign-in/form-token.ts';
import type { OwnPagesTools } from './own-pages.ts';

/** What several of our own pages need. */

/** The live session that the browser shows, or null. Throws `store-unavailable`. */
export async function currentSession(
  { authenticateSession }: OwnPagesTools,
  facts: RequestFacts,
): Promise<Session | null> {
  const answer = await authenticateSession(facts, { acceptBasic: false, acceptTokens: false });
  return answer.kind === 'authenticated' ? answer.session : null;
}

/** Who the person before the browser is, also without a session of ours; null for nobody. Throws `store-unavailable`. */
export async function currentPerson(
  { authenticatePerson }: OwnPagesTools,
  facts: RequestFacts,
): Promise<Authenticated | null> {
  const answer = await authenticatePerson(facts, { acceptBasic: false, acceptTokens: false });
  return answer.kind === 'authenticated' ? answer : null;
}

export function withCookies(answer: Answer, setCookies: readonly string[]): Answer {
  if (setCookies.length === 0) return answer;
  return { ...answer, headers: [...answer.headers, ...setCookies.map((value) => ['Set-Cookie', value] as const)] };
}

/** A page with a form that only this browser can send: `make` gets the token; a browser that has no mark yet gets one. */
export function withForm(
  tools: OwnPagesTools,
  facts: RequestFacts,
  purpose: FormPurpose,
  make: (formToken: string) => Answer,
): Answer {
  const { cookie, setCookies } = withBrowserCookie(tools, facts);
  return withCookies(make(tools.formTokens.tokenFor(cookie, purpose)), setCookies);
}

/**
 * The small secret that marks this browser, for forms and for sign-ins under way at providers: the same in all its tabs. One
 * that has none yet, or several that differ, gets a new one.
 */
export function withBrowserCookie(
  { formTokens, foundation, config }: OwnPagesTools,
  facts: RequestFacts,
): { readonly cookie: string; readonly setCookies: readonly string[] } {
  const { formName } = foundation.cookie;
  const { cookie, isNew } = formTokens.secretFor(readCookie(facts, formName));
  const secure = config.server.publicUrl.startsWith('https:') ? '; Secure' : '';
  return { cookie, setCookies: isNew ? [`${formName}=${cookie}; Path=/${secure}; HttpOnly; SameSite=Lax`] : [] };
}

const pauseMs = 60_000;

/** Notes that this browser has just signed out: it is not sent straight to a provider, who would sign it in again at once. */
export async function pause({ foundation }: OwnPagesTools, facts: RequestFacts): Promise<void> {
  const browser = readCookie(facts, foundation.cookie.formName);
  if (browser !== null) await foundation.store.counters.add(`signed-out:${browser}`, 1, pauseMs);
}

/** True for a minute after `pause`. */
export async function isPaused({ foundation }: OwnPagesTools, facts: RequestFacts): Promise<boolean> {
  const browser = readCookie(facts, foundation.cookie.formName);
  return browser !== null && (await foundation.store.counters.get(`signed-out:${browser}`)) !== null;
}

/** The form came from a page that we gave to this browser. */
export function isOwnForm(
  { formTokens, foundation }: OwnPagesTools,
  facts: RequestFacts,
  token: string | undefined,
  purpose: FormPurpose,
): boolean {
  return formTokens.verify(readCookie(facts, foundation.cookie.formName), token, purpose);
}

export function seeOther(tools: OwnPagesTools, location: string): Answer {
  return { status: 303, headers: [...bareHeaders(tools), ['Location', location]], body: '' };
}

/** Security headers of an answer without a page. */
export function bareHeaders({ config }: OwnPagesTools): Answer['headers'] {
  return createSecurityHeaders({ publicUrl: config.server.publicUrl, hsts: strictTransport(config.server) }).bare();
}

/** A query parameter that stands once; one that stands twice is nobody's link. */
export function queryOf(facts: RequestFacts, name: string): string | undefined {
  const values = new URLSearchParams(facts.rawQuery).getAll(name);
  return values.length === 1 ? values[0] : undefined;
}

/** The route that an address leads to: a path on this host, or an absolute address; null when there is none. */
export function routeAt({ routes }: OwnPagesTools, facts: RequestFacts, address: string | null): Route | null {
  if (address === null) return null;
  const url = address.startsWith('/') ? null : URL.parse(address);
  const target = url === null ? address : address.slice(url.origin.length);
  const path = readPath(target.split(/[?#]/, 1)[0] || '/');
  return path.kind === 'unreadable' ? null : routes.find(url?.hostname ?? facts.host, path.path);
}
