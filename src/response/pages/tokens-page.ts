import { href, html, raw, type Html } from './html.ts';
import { alertIcon, infoIcon } from './icons.ts';
import { catalogOf, layout, own, type PageFrame } from './layout.ts';
import type { Catalog } from './catalog/catalog.ts';
import type { Visit } from './visit.ts';

/** One token in the list. Times are milliseconds since 1970. */
export interface TokenRow {
  readonly id: string;
  readonly name: string;
  /** Titles of the apps that it opens; null: every one. */
  readonly apps: readonly string[] | null;
  readonly readsOnly: boolean;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly lastUse: { readonly atMs: number; readonly address: string } | null;
}

/** Why no token was made. */
export type TokenFault = 'no-name' | 'bad-name' | 'no-apps' | 'too-many';

export interface TokensView {
  readonly user: string;
  readonly tokens: readonly TokenRow[];
  /** A token that was made this moment: its text is shown this once. */
  readonly made: { readonly name: string; readonly text: string } | null;
  readonly fault: TokenFault | null;
  readonly formToken: string;
  /** The form for a new one; null where the sign-in is too old for it. */
  readonly form: TokenFormView | null;
  /** Where to sign in once more. */
  readonly signInAgainUrl: string;
}

export interface TokenFormView {
  /** As typed before. */
  readonly name: string;
  readonly lifetimesMs: readonly number[];
  readonly presetMs: number;
  readonly apps: readonly { readonly id: string; readonly title: string }[];
}

/** The person's access tokens: what there is, and a form for a new one. */
export function tokensPage(frame: PageFrame, visit: Visit, view: TokensView): Html {
  const catalog = catalogOf(visit);
  const texts = catalog.tokens;
  const aside = html`<a class="button quiet small" href="${href(own(frame, visit, '/'))}">${catalog.yourApps}</a>`;
  const main = html`<p class="over"><bdi>${view.user}</bdi></p>
    <h1>${texts.title}</h1>
    <p class="sub about">${texts.lead}</p>
    ${view.made !== null && madeNote(catalog, view.made)} ${view.fault !== null && faultNote(catalog, view.fault)}
    <h2>${texts.list}</h2>
    ${
      view.tokens.length === 0
        ? html`<p class="sub">${texts.none}</p>`
        : html`<ul class="rows tokens">
            ${view.tokens.map((token) => tokenRow(frame, visit, token, view.formToken))}
          </ul>`
    }
    <h2 id="new">${texts.make}</h2>
    ${view.form === null ? tooOld(catalog, view.signInAgainUrl) : newForm(frame, visit, view.form, view)}`;
  const title = view.fault === null ? texts.title : `${catalog.errorPrefix}: ${texts.title}`;
  const address = `${frame.authPath}/account/tokens`;
  return layout(frame, visit, {
    title,
    main,
    wide: true,
    aside,
    script: true,
    ...(visit.address === null ? {} : { address }),
  });
}

function madeNote(catalog: Catalog, { name, text }: { readonly name: string; readonly text: string }): Html {
  const texts = catalog.tokens;
  return html`<div class="note fresh" role="status">
    ${infoIcon}
    <div>
      <p>${texts.made(name)}</p>
      <p><code class="secret-text">${text}</code></p>
      <p>${texts.use}</p>
    </div>
  </div>`;
}

function faultNote(catalog: Catalog, fault: TokenFault): Html {
  return html`<div class="note bad" id="error" role="alert" tabindex="-1">
    ${alertIcon}
    <p>${catalog.tokens.faults[fault]}</p>
  </div>`;
}

function tooOld(catalog: Catalog, signInAgainUrl: string): Html {
  return html`<p class="sub about">${catalog.tokens.tooOld}</p>
    <p><a class="button" href="${href(signInAgainUrl)}">${catalog.tokens.signInAgain}</a></p>`;
}

function tokenRow(frame: PageFrame, visit: Visit, token: TokenRow, formToken: string): Html {
  const texts = catalogOf(visit).tokens;
  const apps = token.apps === null ? texts.everyApp : texts.onlyApps(token.apps.join(', '));
  const use =
    token.lastUse === null
      ? texts.neverUsed
      : texts.lastUsed(moment(visit, token.lastUse.atMs), token.lastUse.address === '' ? null : token.lastUse.address);
  return html`<li>
    <div class="what">
      <strong><bdi>${token.name}</bdi></strong>
      <span class="place">${apps}${token.readsOnly && html` · ${texts.readsOnly}`}</span>
      <span class="place">${texts.until(day(visit, token.expiresAtMs))} · ${use}</span>
    </div>
    <form method="post" action="${href(own(frame, visit, '/account/tokens/revoke'))}" data-once>
      <input type="hidden" name="form_token" value="${formToken}" />
      <input type="hidden" name="id" value="${token.id}" />
      <button class="button quiet small" type="submit" aria-label="${texts.revokeNamed(token.name)}">
        ${texts.revoke}
      </button>
    </form>
  </li>`;
}

function newForm(frame: PageFrame, visit: Visit, form: TokenFormView, view: TokensView): Html {
  const texts = catalogOf(visit).tokens;
  const isNameWrong = view.fault === 'no-name' || view.fault === 'bad-name';
  const invalid = isNameWrong && html` aria-invalid="true" aria-describedby="error"`;
  return html`<form class="card-form" method="post" action="${href(own(frame, visit, '/account/tokens'))}" data-once>
    <input type="hidden" name="form_token" value="${view.formToken}" />
    <label for="name">${texts.name}</label>
    <input
      id="name"
      name="name"
      type="text"
      maxlength="64"
      autocomplete="off"
      required
      value="${form.name}"
      ${invalid}
    />
    <label for="lifetime">${texts.lifetime}</label>
    <select id="lifetime" name="lifetime">
      ${form.lifetimesMs.map(
        (ms) => html`<option value="${ms}" ${ms === form.presetMs && raw(' selected')}>${texts.span(ms)}</option>`,
      )}
    </select>
    <fieldset>
      <legend>${texts.access}</legend>
      <label class="check"
        ><input type="radio" name="access" value="all" checked /><span>${texts.accessAll}</span></label
      >
      <label class="check"><input type="radio" name="access" value="read" /><span>${texts.accessRead}</span></label>
    </fieldset>
    <fieldset>
      <legend>${texts.scope}</legend>
      <label class="check"><input type="radio" name="scope" value="all" checked /><span>${texts.scopeAll}</span></label>
      ${
        form.apps.length > 0 &&
        html`<label class="check"
            ><input type="radio" name="scope" value="some" /><span>${texts.scopeSome}</span></label
          >
          <div class="choices">
            ${form.apps.map(
              ({ id, title }) =>
                html`<label class="check"
                  ><input type="checkbox" name="app:${id}" value="on" /><span><bdi>${title}</bdi></span></label
                >`,
            )}
          </div>`
      }
    </fieldset>
    <button class="button" type="submit">${texts.submit}</button>
  </form>`;
}

function day(visit: Visit, atMs: number): Html {
  return time(visit, atMs, { dateStyle: 'medium' });
}

function moment(visit: Visit, atMs: number): Html {
  return time(visit, atMs, { dateStyle: 'medium', timeStyle: 'short' });
}

/** In UTC, and saying so: where the reader is we don't know. */
function time(visit: Visit, atMs: number, style: Intl.DateTimeFormatOptions): Html {
  const text = new Intl.DateTimeFormat(visit.language, { ...style, timeZone: 'UTC' }).format(atMs);
  const zone = style.timeStyle === undefined ? '' : ' UTC';
  return html`<time datetime="${new Date(atMs).toISOString()}">${text}${zone}</time>`;
}
