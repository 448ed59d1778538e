import type { RequestFacts } from '../../request/facts.ts';
import type { Answer } from '../answer.ts';
import type { Asked } from '../browser-or-api.ts';
import type { Asset } from './assets.ts';
import type { HomeView } from './home-page.ts';
import type { SignInFailedView } from './sign-in-failed.ts';
import type { SignInView } from './sign-in-page.ts';
import type { TokensView } from './tokens-page.ts';
import type { Visit } from './visit.ts';

/** A page's word about a request that went wrong, for the people who look it up in the log. */
interface Traced {
  readonly requestId: string | null;
}

/** Our pages as answers, security headers and all. Every one says what to do next. */
export interface Pages {
  /** Language, host and address of a request; null facts: what little `asked` tells. */
  readonly visit: (facts: RequestFacts | null, asked?: Pick<Asked, 'header'> | null) => Visit;
  /** 200; with an error 401, 403, 429 or 503. */
  readonly signIn: (visit: Visit, view: SignInView) => Answer;
  /** A sign-in at a provider that came to nothing: 400, 403, 503. */
  readonly signInFailed: (visit: Visit, view: SignInFailedView) => Answer;
  /** 200: leads on by itself, where a browser would not follow a redirect as it should. */
  readonly goingOn: (
    visit: Visit,
    view: { readonly kind: 'signed-in' | 'signed-out'; readonly address: string },
  ) => Answer;
  /** 200. `returnTo`: where the person was, for signing in again. */
  readonly signedOut: (visit: Visit, view: { readonly returnTo: string | null }) => Answer;
  /** 200: asks before a sign-out that another site led to. */
  readonly confirmSignOut: (
    visit: Visit,
    view: { readonly user: string | null; readonly formToken: string; readonly returnTo: string | null },
  ) => Answer;
  /** 200. */
  readonly home: (visit: Visit, view: HomeView) => Answer;
  /** 200; with a fault 400 or 409. */
  readonly tokens: (visit: Visit, view: TokensView) => Answer;
  /** 403: known, but not allowed. `signInUrl` switches the user. */
  readonly denied: (
    visit: Visit,
    view: Traced & { readonly user: string | null; readonly app: string; readonly signInUrl: string },
  ) => Answer;
  /** 403: a form without a good token, or from another site. `address`: the page to open again. */
  readonly forbiddenForm: (visit: Visit, view: { readonly address: string }) => Answer;
  /** 403: a second factor is asked for and does not exist yet. */
  readonly stepUp: (visit: Visit, view: { readonly app: string | null }) => Answer;
  readonly notFound: (visit: Visit) => Answer;
  /** 400, or the status of what could not be read (414 and 431: too large). */
  readonly badRequest: (visit: Visit, view: Traced & { readonly status: number }) => Answer;
  /** 401 with Basic credentials that were not good. */
  readonly wrongCredentials: (visit: Visit) => Answer;
  readonly methodNotAllowed: (visit: Visit, view: { readonly allow: readonly string[] }) => Answer;
  readonly tooManyTries: (visit: Visit, view: { readonly retryAfterSeconds: number }) => Answer;
  readonly internal: (visit: Visit, view: Traced) => Answer;
  readonly upstreamDown: (visit: Visit, view: Traced & { readonly app: string | null }) => Answer;
  readonly upstreamSlow: (visit: Visit, view: Traced & { readonly app: string | null }) => Answer;
  readonly upstreamBusy: (
    visit: Visit,
    view: Traced & { readonly app: string | null; readonly retryAfterSeconds: number },
  ) => Answer;
  readonly unavailable: (visit: Visit, view: { readonly retryAfterSeconds: number }) => Answer;
  /** A file of ours by its path, or null. */
  readonly asset: (path: string) => Answer | null;
  /** Every file of ours by its path. */
  readonly assets: () => ReadonlyMap<string, Asset>;
}
