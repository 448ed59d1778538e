import type { Answer } from '../../../src/response/answer.ts';
import type { Pages } from '../../../src/response/pages/pages.ts';
import type { SignInView } from '../../../src/response/pages/sign-in-page.ts';
import type { TokensView } from '../../../src/response/pages/tokens-page.ts';
import type { Visit } from '../../../src/response/pages/visit.ts';

/** The texts that come from users, apps and visitors, on every page. */
export interface Texts {
  readonly user: string;
  readonly name: string;
  readonly email: string;
  readonly app: string;
  readonly token: string;
  readonly requestId: string;
  readonly returnTo: string;
  readonly url: string;
  readonly fragment: string;
}

export const plainTexts: Texts = {
  user: 'alice',
  name: 'Alice Liddell',
  email: 'alice@example.com',
  app: 'Wiki',
  token: 'Zm9ybS10b2tlbg',
  requestId: '01JD4V7K3M8Q',
  returnTo: 'https://wiki.example.com/page?x=1',
  url: 'https://wiki.example.com/',
  fragment: '#part',
};

/** Every page in every state, by a name for messages and pictures. */
export function everyPage(pages: Pages, visit: Visit, texts: Texts = plainTexts): readonly [string, Answer][] {
  const { user, app, requestId, returnTo, token: formToken } = texts;
  const signIn: SignInView = {
    app: { title: app },
    returnTo,
    formToken,
    password: true,
    providers: [],
    rememberForMs: 2_592_000_000,
    username: '',
    fragment: texts.fragment,
    error: null,
    retryAfterSeconds: null,
    signedInAs: null,
  };
  const providers = [
    { id: 'corp', label: app, isAvailable: true },
    { id: 'other', label: `${app} 2`, isAvailable: false },
  ];
  const tokens: TokensView = {
    user,
    tokens: [
      {
        id: 'a'.repeat(43),
        name: app,
        apps: null,
        readsOnly: false,
        createdAtMs: 1_760_000_000_000,
        expiresAtMs: 1_770_000_000_000,
        lastUse: { atMs: 1_765_000_000_000, address: '2001:db8::1' },
      },
      {
        id: 'b'.repeat(43),
        name: 'Calendar on my phone',
        apps: [app, 'Photos'],
        readsOnly: true,
        createdAtMs: 1_760_000_000_000,
        expiresAtMs: 1_770_000_000_000,
        lastUse: null,
      },
    ],
    made: null,
    fault: null,
    formToken,
    form: {
      name: '',
      lifetimesMs: [604_800_000, 7_776_000_000, 31_536_000_000],
      presetMs: 7_776_000_000,
      apps: [
        { id: 'wiki', title: app },
        { id: 'photos', title: 'Photos' },
      ],
    },
    signInAgainUrl: '/_auth/sign-in?again=1&return_to=%2F_auth%2Faccount%2Ftokens',
  };
  const traced = { app, requestId };
  return [
    ['sign-in', pages.signIn(visit, signIn)],
    ['sign-in-plain', pages.signIn(visit, { ...signIn, app: null, returnTo: null, rememberForMs: 0 })],
    ['sign-in-mismatch', pages.signIn(visit, { ...signIn, username: user, error: 'mismatch', remember: true })],
    [
      'sign-in-throttled',
      pages.signIn(visit, { ...signIn, username: user, error: 'throttled', retryAfterSeconds: 600 }),
    ],
    ['sign-in-busy', pages.signIn(visit, { ...signIn, username: user, error: 'busy', retryAfterSeconds: 5 })],
    ['sign-in-expired', pages.signIn(visit, { ...signIn, username: user, error: 'expired-form' })],
    ['sign-in-switch', pages.signIn(visit, { ...signIn, signedInAs: user })],
    ['sign-in-again', pages.signIn(visit, { ...signIn, username: user, signedInAs: user, again: true })],
    ['sign-in-providers', pages.signIn(visit, { ...signIn, providers })],
    ['sign-in-providers-only', pages.signIn(visit, { ...signIn, password: false, providers })],
    ['sign-in-nothing', pages.signIn(visit, { ...signIn, password: false })],
    ['sign-in-ambient', pages.signIn(visit, { ...signIn, password: false, ambient: true })],
    ['sign-in-known', pages.signIn(visit, { ...signIn, ambient: true, knownAs: user })],
    ['sign-in-name-taken', pages.signIn(visit, { ...signIn, username: user, error: 'name-taken' })],
    ...(['expired', 'refused', 'unavailable', 'elsewhere', 'name-taken'] as const).map((kind): [string, Answer] => [
      `sign-in-failed-${kind}`,
      pages.signInFailed(visit, { kind, provider: app, user, returnTo, publicUrl: 'https://app.test', requestId }),
    ]),
    ['going-on', pages.goingOn(visit, { kind: 'signed-in', address: returnTo })],
    ['signed-out', pages.signedOut(visit, { returnTo })],
    ['confirm-sign-out', pages.confirmSignOut(visit, { user, formToken, returnTo })],
    ['denied', pages.denied(visit, { user, signInUrl: '/_auth/sign-in?return_to=%2Fx', ...traced })],
    ['denied-anonymous', pages.denied(visit, { user: null, signInUrl: '/_auth/sign-in', ...traced })],
    ['forbidden-form', pages.forbiddenForm(visit, { address: '/_auth/sign-in' })],
    ['step-up', pages.stepUp(visit, { app })],
    ['not-found', pages.notFound(visit)],
    ['bad-request', pages.badRequest(visit, { status: 400, requestId })],
    ['too-large', pages.badRequest(visit, { status: 431, requestId })],
    ['wrong-credentials', pages.wrongCredentials(visit)],
    ['method-not-allowed', pages.methodNotAllowed(visit, { allow: ['GET', 'HEAD'] })],
    ['too-many-tries', pages.tooManyTries(visit, { retryAfterSeconds: 600 })],
    ['internal', pages.internal(visit, { requestId })],
    ['upstream-down', pages.upstreamDown(visit, traced)],
    ['upstream-slow', pages.upstreamSlow(visit, traced)],
    ['upstream-busy', pages.upstreamBusy(visit, { ...traced, retryAfterSeconds: 5 })],
    ['unavailable', pages.unavailable(visit, { retryAfterSeconds: 5 })],
    [
      'home',
      pages.home(visit, {
        user,
        name: texts.name,
        email: texts.email,
        formToken,
        offersTokens: true,
        apps: [
          { title: app, url: texts.url },
          { title: 'Continuous integration', url: 'https://ci.example.com/builds' },
          { title: 'Photos', url: '/photos' },
        ],
      }),
    ],
    ['home-empty', pages.home(visit, { user, name: '', email: '', formToken, apps: [], offersTokens: false })],
    ['tokens', pages.tokens(visit, tokens)],
    ['tokens-made', pages.tokens(visit, { ...tokens, made: { name: app, text: `slp_${'x'.repeat(49)}` } })],
    ['tokens-fault', pages.tokens(visit, { ...tokens, fault: 'no-name' })],
    ['tokens-too-many', pages.tokens(visit, { ...tokens, fault: 'too-many' })],
    ['tokens-too-old', pages.tokens(visit, { ...tokens, tokens: [], form: null })],
  ];
}
