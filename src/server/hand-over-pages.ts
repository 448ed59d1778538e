import { readCookie } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';
import { verifiedBySession } from '../sign-in/handed-over.ts';
import type { RedirectPurpose } from '../sign-in/method.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentSession, isPaused, queryOf, seeOther, withBrowserCookie, withCookies } from './page-parts.ts';
import type { Page, PageAnswer } from './pages.ts';
import { welcome } from './welcome.ts';

/** The two stations of a hand-over: where the person signs in, and the app's host. */
export function handOverPages(tools: OwnPagesTools): readonly Page[] {
  if (tools.methods.redirects.length === 0) return [];
  return [
    { method: 'GET', path: '/hand-over', handle: ({ facts }) => grant(tools, facts) },
    { method: 'GET', path: '/hand-over/done', handle: ({ facts }) => redeem(tools, facts) },
  ];
}

/**
 * True at a host that has a cookie of its own and where providers do not send back to: there the sign-in comes from `publicUrl`.
 * Only hosts that a route names: a code that went to anybody's host would be anybody's session.
 */
export function isHandedOver({ methods, config, foundation, returnTo }: OwnPagesTools, facts: RequestFacts): boolean {
  const { publicUrl } = config.server;
  const { hostname: home } = new URL(publicUrl);
  const { siteOf } = foundation.cookie;
  if (methods.redirects.length === 0 || siteOf(facts.host) === siteOf(home)) return false;
  return returnTo.check(`${facts.origin}/`, { host: home, origin: publicUrl }) !== null;
}

/** The address that a way back leads to in the end: on from a hand-over to the app. */
export async function destinationOf(
  { config, handOvers }: OwnPagesTools,
  returnTo: string | null,
): Promise<string | null> {
  const prefix = `${config.server.authPath}/hand-over?ticket=`;
  if (returnTo === null || !returnTo.startsWith(prefix)) return returnTo;
  const handOver = await handOvers.read(returnTo.slice(prefix.length));
  return handOver === null ? null : new URL(handOver.returnTo ?? '/', handOver.origin).href;
}

/** Sends a browser from the app's host to the sign-in. */
export async function beginHandOver(
  tools: OwnPagesTools,
  facts: RequestFacts,
  { returnTo, purpose }: { readonly returnTo: string | null; readonly purpose: RedirectPurpose },
): Promise<PageAnswer> {
  const { pages, config, handOvers } = tools;
  if (facts.method !== 'GET') return failed(tools, facts);
  const { cookie, setCookies } = withBrowserCookie(tools, facts);
  const { origin } = facts;
  const choose = await isPaused(tools, facts);
  const ticket = await handOvers.start(cookie, facts.clientAddress, { origin, returnTo, purpose, choose });
  if (ticket === null) {
    const answer = pages.tooManyTries(pages.visit(facts), { retryAfterSeconds: 60 });
    return { answer, reason: 'too-many-starts' };
  }
  const address = `${config.server.publicUrl}${config.server.authPath}/hand-over?ticket=${ticket}`;
  return { answer: withCookies(seeOther(tools, address), setCookies), reason: 'sent-to-sign-in' };
}

/** At `publicUrl`: whoever is signed in goes back with a code, anybody else signs in first. */
async function grant(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { config, handOvers, pages } = tools;
  const { publicUrl, authPath } = config.server;
  const ticket = queryOf(facts, 'ticket') ?? '';
  const handOver = await handOvers.read(ticket);
  if (handOver === null || facts.origin !== publicUrl || facts.method !== 'GET') return failed(tools, facts);
  const session = await currentSession(tools, facts);
  const isNew = session !== null && session.createdAtMs >= handOver.startedAtMs;
  if (session === null || (handOver.purpose !== 'sign-in' && !isNew)) {
    const again = handOver.purpose === 'again' ? 'again=1&' : handOver.choose ? 'choose=1&' : '';
    const back = encodeURIComponent(`${authPath}/hand-over?ticket=${ticket}`);
    return { answer: seeOther(tools, `${authPath}/sign-in?${again}return_to=${back}`), reason: 'not-signed-in' };
  }
  const code = await handOvers.grant(ticket, session.id);
  if (code === null) return failed(tools, facts);
  const address = `${handOver.origin}${authPath}/hand-over/done?code=${code}`;
  // Browsers hold `form-action` against every redirect that follows a form, as the sign-in may have been.
  const answer = isNew ? pages.goingOn(pages.visit(facts), { kind: 'signed-in', address }) : seeOther(tools, address);
  return { answer, reason: 'handed-over', user: session.identity.user };
}

/** At the app's host: takes the code from the browser that asked for it. */
async function redeem(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { foundation, handOvers, finish, runtime } = tools;
  if (facts.method !== 'GET') return failed(tools, facts);
  const browser = readCookie(facts, foundation.cookie.formName);
  const redeemed = await handOvers.redeem(queryOf(facts, 'code') ?? '', browser, facts.origin);
  const parent = redeemed === null ? null : await foundation.sessions.read(redeemed.sessionId);
  if (redeemed === null || parent === null) return failed(tools, facts);
  const verified = verifiedBySession(parent, runtime.now());
  const result = await finish({ verified, remember: parent.remembered, facts });
  if (result.kind === 'refused') return failed(tools, facts);
  const { returnTo } = redeemed.handOver;
  return welcome(tools, facts, { result, returnTo, fragment: undefined, fromElsewhere: true });
}

function failed({ pages, config }: OwnPagesTools, facts: RequestFacts): PageAnswer {
  const { publicUrl } = config.server;
  const view = { kind: 'expired', provider: '', user: '', returnTo: null, publicUrl, requestId: facts.id } as const;
  return { answer: pages.signInFailed(pages.visit(facts), view), reason: 'unknown-hand-over' };
}
