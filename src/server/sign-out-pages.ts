import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import { expireAppCookies } from '../sign-in/app-cookies.ts';
import { endSessionsOf } from '../sign-in/browser-sessions.ts';
import { readForm, type Fields } from '../sign-in/form.ts';
import { endSignIns } from '../sign-in/handed-over.ts';
import { planSignOut } from '../sign-in/sign-out.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentSession, isOwnForm, pause, queryOf, seeOther, withCookies, withForm } from './page-parts.ts';
import type { Page, PageAnswer, PageExchange } from './pages.ts';
import { signOutAtProvider } from './provider-logout-pages.ts';

/** Signing out: a post, or a plain link in the app. Ends the session everywhere, and the apps' own cookies with it. */
export function signOutPages(tools: OwnPagesTools): readonly Page[] {
  return (['/sign-out', '/logout'] as const).flatMap((path): Page[] => [
    { method: 'GET', path, handle: ({ facts }) => byLink(tools, facts) },
    { method: 'POST', path, handle: (exchange) => byForm(tools, exchange) },
  ]);
}

async function byLink(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { pages } = tools;
  const returnTo = tools.returnTo.check(queryOf(facts, 'return_to'), facts);
  const session = await currentSession(tools, facts);
  // Without a session there is nothing to ask about.
  if (session === null || planSignOut(facts, false).kind === 'sign-out') return end(tools, facts, returnTo);
  const { user } = session.identity;
  const answer = withForm(tools, facts, 'sign-out', (formToken) =>
    pages.confirmSignOut(pages.visit(facts), { user, formToken, returnTo }),
  );
  return { answer, reason: 'sign-out-asked', user };
}

const noFields: Fields = new Map();

async function byForm(tools: OwnPagesTools, { facts, request }: PageExchange): Promise<PageAnswer> {
  const { pages, config } = tools;
  // A script or a bare form in an app may post without a body.
  const body = facts.hasBody ? await readForm(request, facts) : ({ kind: 'form', fields: noFields } as const);
  if (body.kind === 'refused') {
    const answer = pages.badRequest(pages.visit(facts), { status: body.status, requestId: facts.id });
    return { answer: { ...answer, close: true }, reason: body.reason };
  }
  const hasToken = isOwnForm(tools, facts, body.fields.get('form_token'), 'sign-out');
  if (planSignOut(facts, hasToken).kind !== 'sign-out') {
    const address = `${config.server.authPath}/sign-out`;
    return { answer: pages.forbiddenForm(pages.visit(facts), { address }), reason: 'cross-site-form' };
  }
  const wanted = body.fields.get('return_to');
  return end(tools, facts, tools.returnTo.check(wanted === undefined ? queryOf(facts, 'return_to') : wanted, facts));
}

async function end(tools: OwnPagesTools, facts: RequestFacts, returnTo: string | null): Promise<PageAnswer> {
  const { foundation, pages, routes } = tools;
  const { sessions, cookie, audit } = foundation;
  const own = await endSessionsOf(sessions, facts.sessionTokens, 'signed-out');
  const ended = [...own, ...(await endSignIns(sessions, own))];
  for (const { id, identity } of ended)
    audit('session.ended', facts, { user: identity.user, session: id, reason: 'signed-out' });
  if (ended.length > 0 && tools.methods.redirects.length > 0) await pause(tools, facts);
  const cookies = [cookie.expire(), ...expireAppCookies(routes.routes, facts)];
  const elsewhere = await signOutAtProvider(tools, facts, ended, returnTo);
  const answer =
    elsewhere !== null
      ? leadOn(tools, facts, elsewhere.url)
      : returnTo === null
        ? pages.signedOut(pages.visit(facts), { returnTo: null })
        : seeOther(tools, returnTo);
  cookies.push(...(elsewhere?.setCookies ?? []));
  return { answer: withCookies(answer, cookies), reason: 'signed-out', user: ended[0]?.identity.user ?? null };
}

/** After a form a page leads on by itself: browsers hold `form-action` against every redirect that follows a form. */
function leadOn(tools: OwnPagesTools, facts: RequestFacts, address: string): Answer {
  const { pages } = tools;
  if (facts.method === 'GET') return seeOther(tools, address);
  return pages.goingOn(pages.visit(facts), { kind: 'signed-out', address });
}
