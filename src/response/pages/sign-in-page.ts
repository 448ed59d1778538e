import { href, html, type Html } from './html.ts';
import { alertIcon, eyeIcon, infoIcon } from './icons.ts';
import { catalogOf, layout, own, withReturn, type PageFrame } from './layout.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Visit } from './visit.ts';

/** Why the form is shown again. */
export type SignInError = 'mismatch' | 'throttled' | 'busy' | 'expired-form' | 'name-taken' | 'directory-down';

export interface SignInView {
  /** The app that the person is on the way to, by its title; null when it is not known. */
  readonly app: { readonly title: string } | null;
  /** Checked already: where the person goes after signing in; null: their apps. */
  readonly returnTo: string | null;
  readonly formToken: string;
  /** Some method takes a user name and a password: the form is there. */
  readonly password: boolean;
  /** Methods that lead elsewhere, each a button. */
  readonly providers: readonly { readonly id: string; readonly label: string; readonly isAvailable: boolean }[];
  /** Some people are known without a form or a button: by a proxy in front, or a certificate. */
  readonly ambient?: boolean;
  /** Whom the proxy or the certificate vouches for: signing in here would have no effect. Their user name. */
  readonly knownAs?: string | null;
  /** Lifetime of a remembered session in milliseconds; 0 hides the box. */
  readonly rememberForMs: number;
  /** The box was ticked in the form that is shown again. */
  readonly remember?: boolean;
  /** User name to fill in; empty for none. */
  readonly username: string;
  /** `#fragment` of the address that the person came for, as the form sent it; empty for none. */
  readonly fragment?: string;
  readonly error: SignInError | null;
  /** Seconds until another try makes sense, with `throttled` and `busy`. */
  readonly retryAfterSeconds: number | null;
  /** Somebody is signed in already: their user name. */
  readonly signedInAs: string | null;
  /** They were asked to sign in once more (the sign-in was too long ago). */
  readonly again?: boolean;
}

function initial(title: string): string {
  return [...title.trim()][0]?.toLocaleUpperCase() ?? '·';
}

function errorText(catalog: Catalog, view: SignInView): string | null {
  if (view.error === null) return null;
  if (view.error === 'throttled') return catalog.signIn.errors.throttled(view.retryAfterSeconds ?? 60);
  return catalog.signIn.errors[view.error];
}

function note(catalog: Catalog, view: SignInView): Html | null {
  const error = errorText(catalog, view);
  if (error !== null)
    return html`<div class="note bad" id="error" role="alert" tabindex="-1">
      ${alertIcon}
      <p>${error}</p>
    </div>`;
  const { signedInAs } = view;
  if (view.again === true)
    return html`<div class="note">
      ${infoIcon}
      <p>${signedInAs === null || !view.password ? catalog.signIn.againUnknown : catalog.signIn.again(signedInAs)}</p>
    </div>`;
  if (signedInAs !== null)
    return html`<div class="note">
      ${infoIcon}
      <p>${catalog.signIn.signedInAs(signedInAs)}</p>
    </div>`;
  return null;
}

/** The sign-in page. Works without our script; with it, the `#fragment` survives and a password can be looked at. */
export function signInPage(frame: PageFrame, visit: Visit, view: SignInView): Html {
  const catalog = catalogOf(visit);
  const texts = catalog.signIn;
  const main = html`<div class="lead">
      ${view.app && html`<span class="app" aria-hidden="true">${initial(view.app.title)}</span>`}
      <div>
        <h1>${texts.title}</h1>
        ${view.app && html`<p class="to">${texts.to(view.app.title)}</p>`}
      </div>
    </div>
    ${view.knownAs == null ? waysIn(frame, visit, view) : alreadyKnown(frame, visit, view.knownAs)}`;
  return layout(frame, visit, {
    title: view.error === null ? texts.title : `${catalog.errorPrefix}: ${texts.title}`,
    main,
    script: true,
    ...(visit.host === null ? {} : { foot: html`<p>${texts.host(visit.host)}</p>` }),
    ...(visit.address === null ? {} : { address: withReturn(`${frame.authPath}/sign-in`, view.returnTo) }),
  });
}

function waysIn(frame: PageFrame, visit: Visit, view: SignInView): Html {
  const catalog = catalogOf(visit);
  const texts = catalog.signIn;
  const hasProviders = view.providers.length > 0;
  if (!view.password && !hasProviders)
    return html`<p>${view.ambient === true ? texts.ambient : texts.elsewhere(frame.publicUrl)}</p>`;
  return html`${note(catalog, view)} ${view.password && passwordForm(frame, visit, view)}
  ${view.password && hasProviders && html`<p class="or"><span>${texts.or}</span></p>`}
  ${hasProviders && providerList(frame, visit, view)}`;
}

function alreadyKnown(frame: PageFrame, visit: Visit, user: string): Html {
  const catalog = catalogOf(visit);
  return html`<p>${catalog.signIn.known(user)}</p>
    <div class="actions"><a class="button" href="${href(own(frame, visit, '/'))}">${catalog.yourApps}</a></div>`;
}

/** A link a provider: not a form, since browsers hold `form-action` also against where the provider leads on to. */
function providerList(frame: PageFrame, visit: Visit, view: SignInView): Html {
  const texts = catalogOf(visit).signIn;
  const query = new URLSearchParams();
  if (view.returnTo !== null) query.set('return_to', view.returnTo.toWellFormed());
  if (view.fragment) query.set('fragment', view.fragment.toWellFormed());
  if (view.again === true) query.set('again', '1');
  const suffix = query.size === 0 ? '' : `?${query.toString()}`;
  // What only a script can say to a link is offered by the script.
  const remember =
    !view.password &&
    view.rememberForMs > 0 &&
    html`<label class="check" data-remember hidden
      ><input type="checkbox" name="remember" value="on" /><span>${texts.remember(view.rememberForMs)}</span></label
    >`;
  return html`${remember}
    <ul class="providers">
      ${view.providers.map(
        ({ id, label, isAvailable }) =>
          html`<li>
            <a
              class="button${view.password || !isAvailable ? ' quiet' : ''}"
              href="${href(`${frame.authPath}/sign-in/${id}${suffix}`)}"
              data-provider
              ${!isAvailable && html` aria-describedby="down-${id}"`}
              >${texts.with(label)}</a
            >
            ${!isAvailable && html`<p class="down" id="down-${id}">${texts.down(label)}</p>`}
          </li>`,
      )}
    </ul>`;
}

function passwordForm(frame: PageFrame, visit: Visit, view: SignInView): Html {
  const texts = catalogOf(visit).signIn;
  const isWrong = view.error === 'mismatch';
  const invalid = isWrong && html` aria-invalid="true" aria-describedby="error"`;
  // with a name filled in, the password is what is still to be typed
  const focusPassword = view.username !== '';
  const field = view.error === null && html` autofocus`;
  return html`<form method="post" action="${href(own(frame, visit, '/sign-in'))}" data-once>
    <input type="hidden" name="form_token" value="${view.formToken}" />
    <input type="hidden" name="return_to" value="${view.returnTo ?? ''}" />
    <input type="hidden" name="fragment" value="${view.fragment ?? ''}" />
    <label for="username">${texts.username}</label>
    <input
      id="username"
      name="username"
      type="text"
      autocomplete="username"
      autocapitalize="none"
      autocorrect="off"
      spellcheck="false"
      required
      value="${view.username}"
      ${invalid}${!focusPassword && field}
    />
    <label for="password">${texts.password}</label>
    <div class="secret">
      <input
        id="password"
        name="password"
        type="password"
        autocomplete="current-password"
        required${invalid}${focusPassword && field}
      />
      <button
        class="reveal"
        type="button"
        aria-controls="password"
        aria-pressed="false"
        aria-label="${texts.showPassword}"
        title="${texts.showPassword}"
        hidden
      >
        ${eyeIcon}
      </button>
    </div>
    ${
      view.rememberForMs > 0 &&
      html`<label class="check"
        ><input type="checkbox" name="remember" value="on" ${view.remember === true && html` checked`} />
        <span>${texts.remember(view.rememberForMs)}</span></label
      >`
    }
    <button class="button" type="submit">${texts.submit}</button>
  </form>`;
}
