import type { Authenticated } from '../authentication/authenticator.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import type { SignInError, SignInView } from '../response/pages/sign-in-page.ts';
import type { Session } from '../session/session.ts';
import { readForm } from '../sign-in/form.ts';
import type { RedirectMethod } from '../sign-in/method.ts';
import { sourceOf } from '../sign-in/same-origin.ts';
import { readSignInForm, type SignInForm } from '../sign-in/sign-in-form.ts';
import type { PasswordSignIn } from '../sign-in/sign-in.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentPerson, currentSession, isOwnForm, isPaused, queryOf, routeAt, withForm } from './page-parts.ts';
import type { Page, PageAnswer, PageExchange } from './pages.ts';
import { beginHandOver, destinationOf, isHandedOver } from './hand-over-pages.ts';
import { begin } from './redirect-pages.ts';
import { welcome } from './welcome.ts';

/** The sign-in page and what its form posts to. */
export function signInPages(tools: OwnPagesTools): readonly Page[] {
  return [
    { method: 'GET', path: '/sign-in', handle: ({ facts }) => show(tools, facts) },
    { method: 'POST', path: '/sign-in', handle: (exchange) => receive(tools, exchange) },
  ];
}

async function show(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const returnTo = tools.returnTo.check(queryOf(facts, 'return_to'), facts);
  const person = await knownPerson(tools, facts);
  if (person !== null) {
    const { user } = person.identity;
    return {
      answer: await page(tools, facts, { returnTo, session: null, knownAs: user }),
      reason: 'sign-in-page',
      user,
    };
  }
  const session = await currentSession(tools, facts);
  const again = session !== null && queryOf(facts, 'again') !== undefined;
  if (isHandedOver(tools, facts)) {
    const purpose = session === null ? 'sign-in' : again ? 'again' : 'switch';
    return beginHandOver(tools, facts, { returnTo, purpose });
  }
  const only = onlyMethod(tools, facts);
  // Nobody is signed in and there is nothing to choose.
  if (only !== null && session === null && queryOf(facts, 'choose') === undefined && !(await isPaused(tools, facts)))
    return begin(tools, facts, only, { returnTo, fragment: '', remember: false, purpose: 'sign-in' });
  const username = again ? session.identity.user : '';
  const answer = await page(tools, facts, { returnTo, session, again, username });
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
    const answer = await page(tools, facts, {
      returnTo,
      session,
      error: 'expired-form',
      fragment: form.fragment ?? '',
    });
    return { answer, reason: 'form-token' };
  }
  if (tools.passwordSignIn === null || isHandedOver(tools, facts))
    return { answer: await page(tools, facts, { returnTo, session }), reason: 'no-password-method' };
  return settle(tools, facts, form, { returnTo, session, passwordSignIn: tools.passwordSignIn });
}

async function settle(
  tools: OwnPagesTools,
  facts: RequestFacts,
  form: SignInForm,
  {
    returnTo,
    session,
    passwordSignIn,
  }: {
    readonly returnTo: string | null;
    readonly session: Session | null;
    readonly passwordSignIn: PasswordSignIn;
  },
): Promise<PageAnswer> {
  const { username, password, remember } = form;
  const result = await passwordSignIn.signIn({
    username,
    password,
    remember,
    facts,
  });
  tools.foundation.metrics.signIn(outcomes[result.kind]);
  if (result.kind === 'signed-in')
    return welcome(tools, facts, { result, returnTo, fragment: form.fragment, fromElsewhere: false });
  const isNameTaken = result.kind === 'refused' && result.reason === 'name-taken';
  const answer = await page(tools, facts, {
    returnTo,
    session,
    error: isNameTaken ? 'name-taken' : errors[result.kind],
    retryAfterSeconds: result.kind === 'refused' ? null : result.retryAfterSeconds,
    username: username.slice(0, 256),
    remember,
    fragment: form.fragment ?? '',
  });
  return {
    answer,
    reason: result.kind === 'refused' ? (isNameTaken ? 'name-taken' : 'wrong-credentials') : result.kind,
  };
}

const errors = {
  refused: 'mismatch',
  throttled: 'throttled',
  busy: 'busy',
  unavailable: 'directory-down',
} as const satisfies Record<string, SignInError>;
const outcomes = {
  'signed-in': 'succeeded',
  refused: 'failed',
  throttled: 'throttled',
  busy: 'busy',
  unavailable: 'unavailable',
} as const;

type ViewParts = Pick<SignInView, 'returnTo'> & { readonly session: Session | null } & Partial<
    Pick<SignInView, 'error' | 'retryAfterSeconds' | 'username' | 'remember' | 'fragment' | 'again' | 'knownAs'>
  >;

async function page(tools: OwnPagesTools, facts: RequestFacts, { session, ...parts }: ViewParts): Promise<Answer> {
  const { pages, config } = tools;
  const route = routeAt(tools, facts, await destinationOf(tools, parts.returnTo));
  return withForm(tools, facts, 'sign-in', (formToken) =>
    pages.signIn(pages.visit(facts), {
      error: null,
      retryAfterSeconds: null,
      username: '',
      ...parts,
      app: route === null ? null : { title: route.title },
      password: tools.passwordSignIn !== null,
      providers: providersOf(tools, facts),
      ambient: isAmbient(tools),
      formToken,
      rememberForMs: config.session.rememberFor,
      signedInAs: session?.identity.user ?? null,
    }),
  );
}

function isAmbient({ config: { signIn } }: OwnPagesTools): boolean {
  return signIn.trustedHeader !== undefined || signIn.clientCertificate !== undefined;
}

/** Whom a proxy in front or a certificate vouches for, who has no use for a form: what they say counts before any session. */
async function knownPerson(tools: OwnPagesTools, facts: RequestFacts): Promise<Authenticated | null> {
  const person = isAmbient(tools) ? await currentPerson(tools, facts) : null;
  return person?.session === null ? person : null;
}

/** The provider to go to without asking, where it is the only way to sign in. */
function onlyMethod({ methods, config }: OwnPagesTools, facts: RequestFacts): RedirectMethod | null {
  const [first, second] = methods.redirects;
  const isAtHome = facts.method === 'GET' && facts.origin === config.server.publicUrl;
  return methods.password === null && second === undefined && isAtHome ? (first ?? null) : null;
}

/** Providers send the browser back to `publicUrl` alone: at other hosts nothing is offered that would lead nowhere. */
function providersOf({ methods, config }: OwnPagesTools, facts: RequestFacts): SignInView['providers'] {
  if (facts.origin !== config.server.publicUrl) return [];
  return methods.redirects.map(({ id, label, isAvailable }) => ({ id, label, isAvailable: isAvailable() }));
}
