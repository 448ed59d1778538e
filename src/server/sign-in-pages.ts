import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import type { SignInError, SignInView } from '../response/pages/sign-in-page.ts';
import type { Session } from '../session/session.ts';
import { expireAppCookies } from '../sign-in/app-cookies.ts';
import { readForm } from '../sign-in/form.ts';
import { addFragment } from '../sign-in/return-to.ts';
import { sourceOf } from '../sign-in/same-origin.ts';
import { readSignInForm, type SignInForm } from '../sign-in/sign-in-form.ts';
import type { SignInResult } from '../sign-in/sign-in.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentSession, isOwnForm, queryOf, routeAt, seeOther, withCookies, withForm } from './page-parts.ts';
import type { Page, PageAnswer, PageExchange } from './pages.ts';

/** The sign-in page and what its form posts to. */
export function signInPages(tools: OwnPagesTools): readonly Page[] {
  return [
    { method: 'GET', path: '/sign-in', handle: ({ facts }) => show(tools, facts) },
    { method: 'POST', path: '/sign-in', handle: (exchange) => receive(tools, exchange) },
  ];
}

async function show(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const returnTo = tools.returnTo.check(queryOf(facts, 'return_to'), facts);
  const session = await currentSession(tools, facts);
  const again = session !== null && queryOf(facts, 'again') !== undefined;
  const username = again ? session.identity.user : '';
  const answer = page(tools, facts, { returnTo, session, again, username });
  return { answer, reason: 'sign-in-page', user: session?.identity.user ?? null };
}

async function receive(tools: OwnPagesTools, { facts, request }: PageExchange): Promise<PageAnswer> {
  const { pages, config } = tools;
  const body = await readForm(request, facts);
  const form = body.kind === 'form' ? readSignInForm(body.fields) : null;
  if (form === null) {
    const { status, reason } = body.kind === 'refused' ? body : { status: 400, reason: 'password-too-long' };
    const answer = pages.badRequest(pages.visit(facts), { status, requestId: facts.id });
    return { answer: { ...answer, close: body.kind === 'refused' }, reason };
  }
  if (sourceOf(facts) === 'foreign') {
    const address = `${config.server.authPath}/sign-in`;
    return { answer: pages.forbiddenForm(pages.visit(facts), { address }), reason: 'cross-site-form' };
  }
  const session = await currentSession(tools, facts);
  // Of two addresses, the form's is the one that the person saw.
  const returnTo = tools.returnTo.check(form.returnTo ?? queryOf(facts, 'return_to'), facts);
  if (!isOwnForm(tools, facts, form.formToken, 'sign-in')) {
    const answer = page(tools, facts, { returnTo, session, error: 'expired-form', fragment: form.fragment ?? '' });
    return { answer, reason: 'form-token' };
  }
  return settle(tools, facts, form, { returnTo, session });
}

async function settle(
  tools: OwnPagesTools,
  facts: RequestFacts,
  form: SignInForm,
  { returnTo, session }: { readonly returnTo: string | null; readonly session: Session | null },
): Promise<PageAnswer> {
  const { username, password, remember } = form;
  const result = await tools.passwordSignIn.signIn({
    username,
    password,
    remember,
    facts,
    currentTokens: facts.sessionTokens,
  });
  tools.foundation.metrics.signIn(outcomes[result.kind]);
  if (result.kind === 'signed-in') return welcome(tools, facts, form, returnTo, result);
  const answer = page(tools, facts, {
    returnTo,
    session,
    error: errors[result.kind],
    retryAfterSeconds: result.kind === 'refused' ? null : result.retryAfterSeconds,
    username: username.slice(0, 256),
    remember,
    fragment: form.fragment ?? '',
  });
  return { answer, reason: result.kind === 'refused' ? 'wrong-credentials' : result.kind };
}

const errors = { refused: 'mismatch', throttled: 'throttled', busy: 'busy' } as const satisfies Record<
  string,
  SignInError
>;
const outcomes = { 'signed-in': 'succeeded', refused: 'failed', throttled: 'throttled', busy: 'busy' } as const;

function welcome(
  tools: OwnPagesTools,
  facts: RequestFacts,
  form: SignInForm,
  returnTo: string | null,
  { token, session, userChanged }: Extract<SignInResult, { kind: 'signed-in' }>,
): PageAnswer {
  const { config, foundation, routes } = tools;
  const { rememberFor } = config.session;
  const lasting = session.remembered ? { maxAgeSeconds: Math.floor(rememberFor / 1_000) } : {};
  const cookies = [
    foundation.cookie.serialize(token, lasting),
    ...(userChanged ? expireAppCookies(routes.routes, facts) : []),
  ];
  const target = addFragment(returnTo ?? `${config.server.authPath}/`, form.fragment);
  return {
    answer: withCookies(seeOther(tools, target), cookies),
    reason: 'signed-in',
    user: session.identity.user,
  };
}

type ViewParts = Pick<SignInView, 'returnTo'> & { readonly session: Session | null } & Partial<
    Pick<SignInView, 'error' | 'retryAfterSeconds' | 'username' | 'remember' | 'fragment' | 'again'>
  >;

function page(tools: OwnPagesTools, facts: RequestFacts, { session, ...parts }: ViewParts): Answer {
  const { pages, config } = tools;
  const route = routeAt(tools, facts, parts.returnTo);
  return withForm(tools, facts, 'sign-in', (formToken) =>
    pages.signIn(pages.visit(facts), {
      error: null,
      retryAfterSeconds: null,
      username: '',
      ...parts,
      app: route === null ? null : { title: route.title },
      formToken,
      rememberForMs: config.session.rememberFor,
      signedInAs: session?.identity.user ?? null,
    }),
  );
}
