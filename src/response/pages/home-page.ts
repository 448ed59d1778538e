import { href, html, type Html } from './html.ts';
import { arrowIcon } from './icons.ts';
import { catalogOf, layout, own, type PageFrame } from './layout.ts';
import type { Visit } from './visit.ts';

export interface HomeView {
  /** Canonical user name, and the display name where there is one. */
  readonly user: string;
  readonly name: string;
  readonly email: string;
  /** The apps that this person may open. */
  readonly apps: readonly { readonly title: string; readonly url: string }[];
  /** Null for somebody without a session, who can't sign out here: a proxy in front or a certificate vouches for them. */
  readonly formToken: string | null;
  /** A person can make access tokens. */
  readonly offersTokens: boolean;
}

function place(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** The person's own front page: who is signed in, and what is open to them. */
export function homePage(frame: PageFrame, visit: Visit, view: HomeView): Html {
  const catalog = catalogOf(visit);
  const texts = catalog.home;
  const known = [view.name === '' ? '' : view.user, view.email].filter((text) => text !== '');
  const { formToken } = view;
  const aside =
    formToken === null
      ? undefined
      : html`<form class="aside" method="post" action="${href(own(frame, visit, '/sign-out'))}" data-once>
          <input type="hidden" name="form_token" value="${formToken}" />
          <button class="button quiet small" type="submit">${texts.signOut}</button>
        </form>`;
  const apps = view.apps.map(
    (app) =>
      html`<li>
        <a href="${href(app.url)}"
          ><span class="app" aria-hidden="true">${[...app.title.trim()][0]?.toLocaleUpperCase() ?? '·'}</span>
          <span class="what"
            ><strong><bdi>${app.title}</bdi></strong
            ><span class="place"><bdi>${place(app.url)}</bdi></span></span
          >${arrowIcon}</a
        >
      </li>`,
  );
  const main = html`<p class="over">${texts.signedInAs}</p>
    <h1><bdi>${view.name === '' ? view.user : view.name}</bdi></h1>
    ${known.length > 0 && html`<p class="sub">${known.map((text, index) => html`${index > 0 && ' · '}<bdi>${text}</bdi>`)}</p>`}
    <h2>${texts.title}</h2>
    ${
      apps.length > 0
        ? html`<ul class="rows">
            ${apps}
          </ul>`
        : html`<p class="sub">${texts.none}</p>`
    }
    ${view.offersTokens && html`<p class="more"><a href="${href(own(frame, visit, '/account/tokens'))}">${texts.tokens}</a></p>`}`;
  return layout(frame, visit, { title: texts.title, main, wide: true, ...(aside && { aside }), script: true });
}
