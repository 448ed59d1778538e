import type { Answer } from '../answer.ts';
import type { ThemeConfig } from '../config.ts';
import { createSecurityHeaders } from '../security-headers.ts';
import { createAssets, type PageFiles } from './assets.ts';
import { href, html, type Html, type Part } from './html.ts';
import { homePage } from './home-page.ts';
import { catalogOf, createFrame, own, withReturn } from './layout.ts';
import type { Pages } from './pages-interface.ts';
import { messagePage, type Message } from './message-page.ts';
import { signInPage } from './sign-in-page.ts';
import { signInFailed } from './sign-in-failed.ts';
import { tokensPage } from './tokens-page.ts';
import { readVisit, unknownVisit, type Visit } from './visit.ts';

export type { Pages } from './pages-interface.ts';

export interface PagesOptions {
  readonly theme: ThemeConfig;
  readonly authPath: string;
  readonly publicUrl: string;
  /** `Strict-Transport-Security`; null: none. */
  readonly hsts?: string | null;
  readonly files: PageFiles;
}

const signInStatus = {
  mismatch: 401,
  throttled: 429,
  busy: 503,
  'expired-form': 403,
  'name-taken': 403,
  'directory-down': 503,
} as const;

/** Where a form may lead besides our own origin: the origin of an absolute way back. */
function formTarget(returnTo: string | null): string | null {
  return returnTo !== null && URL.canParse(returnTo) ? new URL(returnTo).origin : null;
}

/** A title with a name in it: plain for the tab, the name set apart in the heading. */
function titled(title: (app: Part) => Html, app: string): { readonly title: Html; readonly heading: Html } {
  return { title: title(app), heading: title(html`<bdi>${app}</bdi>`) };
}

export function createPages({ theme, authPath, publicUrl, hsts, files }: PagesOptions): Pages {
  const assets = createAssets(authPath, theme, files);
  const frame = createFrame(theme, { authPath, publicUrl }, assets);
  const security = createSecurityHeaders({ publicUrl, ...(hsts === undefined ? {} : { hsts }) });
  const language = theme.language;

  const answer = (
    visit: Visit,
    status: number,
    document: Html,
    more: Answer['headers'] = [],
    target: string | null = null,
  ): Answer => ({
    status,
    headers: [
      ...security.page(target),
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Content-Language', visit.language],
      ...more,
    ],
    body: document.text,
  });

  const message = (visit: Visit, status: number, view: Message, more: Answer['headers'] = []) =>
    answer(visit, status, messagePage(frame, visit, view), more);
  const retryAfter = (seconds: number) => [['Retry-After', String(Math.max(1, Math.ceil(seconds)))] as const];
  const home = (visit: Visit) => ({ label: catalogOf(visit).yourApps, address: own(frame, visit, '/') });
  const retry = (visit: Visit) => ({ label: catalogOf(visit).tryAgain, address: '' });

  return {
    visit: (facts, asked) =>
      facts === null
        ? unknownVisit({ authPath, language }, asked?.header('accept-language'))
        : readVisit({ authPath, language }, facts),

    signIn: (visit, view) => {
      const more: (readonly [string, string])[] = [];
      // RFC 9110 §15.5.2: a 401 names a challenge; browsers pass over this one
      if (view.error === 'mismatch') more.push(['WWW-Authenticate', 'Cookie realm="sallyport"']);
      if (view.retryAfterSeconds !== null) more.push(...retryAfter(view.retryAfterSeconds));
      const status = view.error === null ? 200 : signInStatus[view.error];
      return answer(visit, status, signInPage(frame, visit, view), more, formTarget(view.returnTo));
    },

    signInFailed: (visit, view) => {
      const { status, message: content } = signInFailed(frame, visit, view);
      return message(visit, status, content, status === 503 ? retryAfter(30) : []);
    },

    goingOn: (visit, { kind, address }) => {
      const texts = catalogOf(visit).goingOn[kind];
      const safe = href(address);
      const view: Message = { scene: 'open', ...texts, actions: [{ label: texts.go, address: safe }] };
      return message(visit, 200, view, [['Refresh', `0; url=${safe}`]]);
    },

    signedOut: (visit, { returnTo }) => {
      const texts = catalogOf(visit).signedOut;
      const address = own(frame, visit, withReturn('/sign-in', returnTo));
      return message(visit, 200, {
        scene: 'open',
        title: texts.title,
        lead: texts.lead,
        actions: [{ label: texts.again, address }],
      });
    },

    confirmSignOut: (visit, { user, formToken, returnTo }) => {
      const texts = catalogOf(visit).confirmSignOut;
      const form = html`<form method="post" action="${href(own(frame, visit, '/sign-out'))}" data-once>
        <input type="hidden" name="form_token" value="${formToken}" />
        <input type="hidden" name="return_to" value="${returnTo ?? ''}" />
        <button class="button" type="submit">${texts.yes}</button>
      </form>`;
      const lead = user === null ? texts.leadUnknown : texts.lead(user);
      const actions = [{ label: texts.no, address: returnTo ?? own(frame, visit, '/') }];
      const view: Message = { scene: 'question', title: texts.title, lead, form, actions };
      return answer(visit, 200, messagePage(frame, visit, view), [], formTarget(returnTo));
    },

    home: (visit, view) => answer(visit, 200, homePage(frame, visit, view)),

    tokens: (visit, view) => {
      const status = view.fault === null ? 200 : view.fault === 'too-many' ? 409 : 400;
      return answer(visit, status, tokensPage(frame, visit, view));
    },

    denied: (visit, { user, app, signInUrl, requestId }) => {
      const texts = catalogOf(visit).denied;
      return message(visit, 403, {
        scene: 'closed',
        ...titled(texts.title, app),
        lead: user === null ? texts.leadUnknown : texts.lead(user),
        next: texts.next,
        actions: [{ label: user === null ? texts.signIn : texts.switchUser, address: signInUrl }, home(visit)],
        requestId,
      });
    },

    forbiddenForm: (visit, { address }) => {
      const texts = catalogOf(visit).forbiddenForm;
      return message(visit, 403, {
        scene: 'question',
        title: texts.title,
        lead: texts.lead,
        actions: [{ label: texts.again, address }],
      });
    },

    stepUp: (visit, { app }) => {
      const texts = catalogOf(visit).stepUp;
      const lead = app === null ? texts.leadUnknown : texts.lead(app);
      return message(visit, 403, {
        scene: 'closed',
        title: texts.title,
        lead,
        next: texts.next,
        actions: [home(visit)],
      });
    },

    notFound: (visit) => {
      const action = { label: catalogOf(visit).yourApps, address: `${publicUrl}${own(frame, visit, '/')}` };
      return message(visit, 404, { scene: 'empty', ...catalogOf(visit).notFound, actions: [action] });
    },

    badRequest: (visit, { status, requestId }) => {
      const texts = catalogOf(visit).badRequest;
      const lead = status === 414 || status === 431 ? texts.tooLarge : texts.lead;
      return message(visit, status, { scene: 'empty', title: texts.title, lead, actions: [home(visit)], requestId });
    },

    wrongCredentials: (visit) => {
      const view: Message = { scene: 'closed', ...catalogOf(visit).wrongCredentials, actions: [retry(visit)] };
      return message(visit, 401, view);
    },

    methodNotAllowed: (visit, { allow }) => {
      const view: Message = { scene: 'empty', ...catalogOf(visit).methodNotAllowed, actions: [home(visit)] };
      return message(visit, 405, view, [['Allow', allow.join(', ')]]);
    },

    tooManyTries: (visit, { retryAfterSeconds }) => {
      const texts = catalogOf(visit).tooManyTries;
      const actions = [{ label: texts.back, address: own(frame, visit, '/sign-in') }];
      const view: Message = { scene: 'wait', title: texts.title, lead: texts.lead(retryAfterSeconds), actions };
      return message(visit, 429, view, retryAfter(retryAfterSeconds));
    },

    internal: (visit, { requestId }) =>
      message(visit, 500, { scene: 'broken', ...catalogOf(visit).internal, actions: [retry(visit)], requestId }),

    upstreamDown: (visit, { app, requestId }) => {
      const { title, lead } = catalogOf(visit).upstreamDown;
      const view = { lead, actions: [retry(visit)], requestId, ...titled(title, app ?? catalogOf(visit).theApp) };
      return message(visit, 502, { scene: 'broken', ...view });
    },

    upstreamSlow: (visit, { app, requestId }) => {
      const { title, lead } = catalogOf(visit).upstreamSlow;
      const view = { lead, actions: [retry(visit)], requestId, ...titled(title, app ?? catalogOf(visit).theApp) };
      return message(visit, 504, { scene: 'slow', ...view });
    },

    upstreamBusy: (visit, { app, retryAfterSeconds, requestId }) => {
      const { title, lead } = catalogOf(visit).upstreamBusy;
      const named = titled(title, app ?? catalogOf(visit).theApp);
      const view = { lead: lead(retryAfterSeconds), actions: [retry(visit)], requestId, ...named };
      return message(visit, 503, { scene: 'wait', ...view }, retryAfter(retryAfterSeconds));
    },

    unavailable: (visit, { retryAfterSeconds }) => {
      const { title, lead } = catalogOf(visit).unavailable;
      const view: Message = { scene: 'wait', title, lead: lead(retryAfterSeconds), actions: [retry(visit)] };
      return message(visit, 503, view, retryAfter(retryAfterSeconds));
    },

    asset: (path) => {
      const asset = assets.byPath.get(path);
      if (asset === undefined) return null;
      return { status: 200, headers: [...security.asset(), ['Content-Type', asset.type]], body: asset.body };
    },
    assets: () => assets.byPath,
  };
}
