import type { ThemeConfig } from '../config.ts';
import type { Assets } from './assets.ts';
import { catalogs, type Catalog } from './catalog/catalog.ts';
import { href, html, raw, type Html } from './html.ts';
import { mark } from './icons.ts';
import { languages } from './language.ts';
import { ownAddress, withLanguage, type Visit } from './visit.ts';

/** What all pages share, fixed at start. */
export interface PageFrame {
  readonly title: string;
  readonly footer: string | undefined;
  readonly authPath: string;
  readonly publicUrl: string;
  readonly assets: Assets;
}

export function createFrame(
  theme: Pick<ThemeConfig, 'title' | 'footer'>,
  site: { readonly authPath: string; readonly publicUrl: string },
  assets: Assets,
): PageFrame {
  return { title: theme.title, footer: theme.footer, ...site, assets };
}

export interface LayoutOptions {
  /** Plain words for the tab, before the name of the site. */
  readonly title: Html | string;
  /** The card, or the rows of a wide page. */
  readonly main: Html;
  readonly wide?: boolean;
  /** Beside the name of the site, on a wide page. */
  readonly aside?: Html;
  /** First lines of the foot. */
  readonly foot?: Html;
  /** Path and query of this page for the language link, when it is not the visit's own. */
  readonly address?: string;
  /** Load our script. */
  readonly script?: boolean;
}

export function catalogOf(visit: Visit): Catalog {
  return catalogs[visit.language];
}

/** An address under our own prefix, in the visitor's chosen language. */
export function own(frame: PageFrame, visit: Visit, address: string): string {
  return ownAddress(visit, frame.authPath + address);
}

/** Path and query of a page of ours that keeps the way back. */
export function withReturn(address: string, returnTo: string | null): string {
  return returnTo === null ? address : `${address}?return_to=${encodeURIComponent(returnTo.toWellFormed())}`;
}

function languageLinks(visit: Visit, address: string | null): Html | null {
  if (address === null) return null;
  const others = languages.filter((language) => language !== visit.language);
  return html`<p>
    ${others.map(
      (language) =>
        html`<a class="quiet" href="${href(withLanguage(address, language))}" lang="${language}" hreflang="${language}"
          >${catalogs[language].languageName}</a
        >`,
    )}
  </p>`;
}

/** The whole document around a page. */
export function layout(frame: PageFrame, visit: Visit, options: LayoutOptions): Html {
  const { assets } = frame;
  const catalog = catalogOf(visit);
  const logo =
    assets.logo === null
      ? html`${mark}<span class="name">${frame.title}</span>`
      : html`<img class="logo" src="${assets.logo.path}" alt="${frame.title}" />`;
  return html`<!doctype html>
<html lang="${visit.language}" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f6f4ef" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#121615" media="(prefers-color-scheme: dark)">
<meta name="robots" content="noindex">
<title>${options.title} · ${frame.title}</title>
<link rel="icon" href="${assets.icon.path}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style.path}">
${assets.css && html`<link rel="stylesheet" href="${assets.css.path}" />`}
${options.script === true && html`<script src="${assets.script.path}" defer></script>`}
</head>
<body${options.wide === true ? raw(' class="wide"') : null}>
<a class="skip" href="#main">${catalog.skip}</a>
<header class="mast">${logo}${options.aside}</header>
<main id="main"${options.wide === true ? null : raw(' class="card"')} tabindex="-1">
${options.main}
</main>
<footer class="foot">
${options.foot}
${frame.footer !== undefined && html`<p>${frame.footer}</p>`}
${languageLinks(visit, options.address ?? visit.address)}
</footer>
</body>
</html>
`;
}
