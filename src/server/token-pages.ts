import { shortTokenId, type ListedToken } from '../access-token/access-token.ts';
import { freshForMs, lifetimesUpTo, presetOf, readingMethods, readTokenForm } from '../account/token-form.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { TokenFault, TokenRow, TokensView } from '../response/pages/tokens-page.ts';
import type { Session } from '../session/session.ts';
import { readForm, type Fields } from '../sign-in/form.ts';
import { sourceOf } from '../sign-in/same-origin.ts';
import { appsOf } from './home-pages.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentSession, isOwnForm, seeOther, withForm } from './page-parts.ts';
import type { Page, PageAnswer, PageExchange } from './pages.ts';

const path = '/account/tokens';

/** The person's access tokens under `/account/tokens`: a list, a form for a new one, and a button a token that ends it. */
export function tokenPages(tools: OwnPagesTools): readonly Page[] {
  if (!tools.config.accessTokens.enabled) return [];
  return [
    { method: 'GET', path, handle: (exchange) => show(tools, exchange) },
    { method: 'POST', path, handle: (exchange) => make(tools, exchange) },
    { method: 'POST', path: `${path}/revoke`, handle: (exchange) => revoke(tools, exchange) },
  ];
}

async function show(tools: OwnPagesTools, { facts }: PageExchange): Promise<PageAnswer> {
  const session = await currentSession(tools, facts);
  if (session === null) return signInFirst(tools);
  if (isByScript(facts)) return forbidden(tools, facts, 'not-a-navigation');
  return page(tools, facts, session, 'access-tokens', {});
}

async function make(tools: OwnPagesTools, exchange: PageExchange): Promise<PageAnswer> {
  const received = await receive(tools, exchange);
  if ('answer' in received) return received;
  const { session, fields } = received;
  const { facts } = exchange;
  const { foundation, config } = tools;
  if (!isFresh(tools, session))
    return {
      answer: seeOther(tools, signInAgainUrl(tools)),
      reason: 'recent-sign-in-required',
      user: session.identity.user,
    };
  const apps = await appsOf(tools, facts);
  const read = readTokenForm(fields, {
    lifetimesMs: lifetimesUpTo(config.accessTokens.maxLifetime),
    routes: apps.map(({ id }) => id),
  });
  if (read.kind === 'malformed') return malformed(tools, facts);
  if (read.kind === 'fault') return page(tools, facts, session, read.fault, { fault: read.fault, name: read.name });
  const { wish } = read;
  const { perPerson } = config.accessTokens;
  const made = await foundation.accessTokens.create({ identity: session.identity, ...wish, perPerson });
  if (made === null) return page(tools, facts, session, 'too-many', { fault: 'too-many', name: wish.name });
  const { token, text } = made;
  foundation.audit('access-token.made', facts, {
    user: session.identity.user,
    token: shortTokenId(token.id),
    expiresAt: new Date(token.expiresAtMs).toISOString(),
    routes: token.routes,
    methods: token.methods,
  });
  return page(tools, facts, session, 'access-token-made', { made: { name: token.name, text } });
}

async function revoke(tools: OwnPagesTools, exchange: PageExchange): Promise<PageAnswer> {
  const received = await receive(tools, exchange);
  if ('answer' in received) return received;
  const { session, fields } = received;
  const { accessTokens, audit } = tools.foundation;
  const { user } = session.identity;
  const id = fields.get('id') ?? '';
  // Only one's own, and a double click is no fault.
  const own = await accessTokens.list(session.identity);
  if (own.some(({ token }) => token.id === id) && (await accessTokens.end(id, 'revoked')) !== null)
    audit('access-token.revoked', exchange.facts, { user, token: shortTokenId(id) });
  return { answer: seeOther(tools, tools.config.server.authPath + path), reason: 'access-token-revoked', user };
}

/** What both forms ask first: signed in, from our own page, sent by the person. */
async function receive(
  tools: OwnPagesTools,
  { facts, request }: PageExchange,
): Promise<PageAnswer | { readonly session: Session; readonly fields: Fields }> {
  const body = await readForm(request, facts);
  if (body.kind === 'refused') {
    const { answer, reason } = malformed(tools, facts, body);
    return { answer: { ...answer, close: true }, reason };
  }
  if (sourceOf(facts) === 'foreign') return forbidden(tools, facts, 'cross-site-form');
  if (isByScript(facts)) return forbidden(tools, facts, 'not-a-navigation');
  const session = await currentSession(tools, facts);
  if (session === null) return signInFirst(tools);
  const isOwn = isOwnForm(tools, facts, body.fields.get('form_token'), 'access-tokens');
  return isOwn ? { session, fields: body.fields } : forbidden(tools, facts, 'form-token');
}

interface PageParts {
  readonly fault?: TokenFault;
  readonly name?: string;
  readonly made?: TokensView['made'];
}

async function page(
  tools: OwnPagesTools,
  facts: RequestFacts,
  session: Session,
  reason: string,
  { fault = undefined, name = '', made = null }: PageParts,
): Promise<PageAnswer> {
  const { pages, config, foundation } = tools;
  const { user } = session.identity;
  const tokens = (await foundation.accessTokens.list(session.identity)).map((listed) => rowOf(tools, listed));
  const lifetimesMs = lifetimesUpTo(config.accessTokens.maxLifetime);
  const form = isFresh(tools, session)
    ? { name, lifetimesMs, presetMs: presetOf(lifetimesMs), apps: await appsOf(tools, facts) }
    : null;
  const answer = withForm(tools, facts, 'access-tokens', (formToken) =>
    pages.tokens(pages.visit(facts), {
      user,
      tokens,
      made,
      fault: fault ?? null,
      formToken,
      form,
      signInAgainUrl: signInAgainUrl(tools),
    }),
  );
  return { answer, reason, user };
}

function rowOf({ routes }: OwnPagesTools, { token, lastUse }: ListedToken): TokenRow {
  const { id, name, createdAtMs, expiresAtMs } = token;
  const titleOf = (route: string): string => routes.routes.find((one) => one.id === route)?.title ?? route;
  const readsOnly = token.methods?.every((method) => readingMethods.includes(method)) ?? false;
  return { id, name, createdAtMs, expiresAtMs, lastUse, readsOnly, apps: token.routes?.map(titleOf) ?? null };
}

function isFresh({ runtime }: OwnPagesTools, session: Session): boolean {
  return runtime.now() - session.authenticatedAtMs <= freshForMs;
}

/**
 * A script's doing. Apps share their host with us, and a script of theirs (or one that somebody has smuggled in) could read the form
 * and send it: only what the browser itself opens as a page counts. Browsers say so wherever pages come over https.
 */
function isByScript(facts: RequestFacts): boolean {
  const mode = facts.header('sec-fetch-mode');
  const destination = facts.header('sec-fetch-dest');
  return (mode !== undefined && mode !== 'navigate') || (destination !== undefined && destination !== 'document');
}

function signInAgainUrl({ config }: OwnPagesTools): string {
  const { authPath } = config.server;
  return `${authPath}/sign-in?again=1&return_to=${encodeURIComponent(authPath + path)}`;
}

function signInFirst(tools: OwnPagesTools): PageAnswer {
  const { authPath } = tools.config.server;
  const address = `${authPath}/sign-in?return_to=${encodeURIComponent(authPath + path)}`;
  return { answer: seeOther(tools, address), reason: 'not-signed-in' };
}

function forbidden({ pages, config }: OwnPagesTools, facts: RequestFacts, reason: string): PageAnswer {
  const address = config.server.authPath + path;
  return { answer: pages.forbiddenForm(pages.visit(facts), { address }), reason };
}

function malformed(
  { pages }: OwnPagesTools,
  facts: RequestFacts,
  { status, reason }: { readonly status: number; readonly reason: string } = { status: 400, reason: 'malformed-form' },
): PageAnswer {
  return { answer: pages.badRequest(pages.visit(facts), { status, requestId: facts.id }), reason };
}
