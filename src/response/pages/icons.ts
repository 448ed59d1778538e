import { html, raw, type Html } from './html.ts';

/** The arch: two lines of a gateway on its ground. Colours come from the stylesheet. */
const archPaths = '<path d="M4 29V14a12 12 0 0 1 24 0v15"/><path d="M11 29V15a5 5 0 0 1 10 0v14"/><path d="M2 29h28"/>';

export const mark = raw(`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true">${archPaths}</svg>`);

/** The arch as a favicon, by itself readable on light and dark tabs. */
export const favicon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" fill="none" stroke="#178a77" stroke-width="2.6" stroke-linecap="round">' +
  `${archPaths}</svg>\n`;

export const alertIcon = raw(
  '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8"/><path d="M10 5.5v5.5M10 14v.2"/></svg>',
);

export const infoIcon = raw(
  '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="8"/><path d="M10 9.2v5.2M10 6v.2"/></svg>',
);

export const eyeIcon = raw(
  '<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d="M1.5 10S4.6 4.5 10 4.5 18.5 10 18.5 10 15.4 15.5 10 15.5 1.5 10 1.5 10z"/><circle cx="10" cy="10" r="2.6"/><path class="slash" d="M3.5 16.5l13-13"/></svg>',
);

export const arrowIcon = raw(
  '<svg class="icon go" viewBox="0 0 20 20" aria-hidden="true"><path d="M7.5 4.5 13 10l-5.5 5.5"/></svg>',
);

/** What happened at the gate, drawn: one arch, in different states. */
export type Scene = 'open' | 'closed' | 'empty' | 'broken' | 'slow' | 'question' | 'wait';

const outer = '<path class="faint" d="M10 74V38a30 30 0 0 1 60 0v36"/>';
const ground = '<path d="M3 74h74"/>';
const inner = '<path d="M24 74V40a16 16 0 0 1 32 0v34"/>';

const scenes: Readonly<Record<Scene, string>> = {
  open: `<path class="faint" d="M10 74V38a30 30 0 0 1 60 0v13"/><path d="M24 74V40a16 16 0 0 1 32 0v11"/>${ground}<path class="lit" d="M37 62h36m-7-7 7 7-7 7"/>`,
  closed: `${outer}<path class="lit" d="M32 27.5V72M40 25.5V72M48 27.5V72M25.5 44h29M25.5 58h29"/>${inner}${ground}`,
  empty: `${outer}<path stroke-dasharray="1 6" d="M24 74V40a16 16 0 0 1 32 0v34"/>${ground}`,
  broken: `${outer}<path d="M24 74V56m0-9v-7a16 16 0 0 1 7.5-13.5M39 24a16 16 0 0 1 17 16v10m0 9v15"/>${ground}<path class="lit" d="M36 52l8 8m0-8-8 8"/>`,
  slow: `${outer}${inner}${ground}<circle class="lit" cx="40" cy="53" r="10"/><path class="lit" d="M40 47v6l4 3"/>`,
  question: `${outer}${inner}${ground}<path class="lit" d="M35.5 46.5a4.7 4.7 0 1 1 6.8 4.2c-1.5.8-2.3 1.7-2.3 3.3v1M40 61v.2"/>`,
  wait: `${outer}${inner}${ground}<path class="lit" d="M36 46v14M44 46v14"/>`,
};

export function sceneIcon(scene: Scene): Html {
  return html`<svg class="scene" viewBox="0 0 80 80" aria-hidden="true">${raw(scenes[scene])}</svg>`;
}
