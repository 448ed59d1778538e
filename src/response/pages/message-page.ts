import { href, html, type Html } from './html.ts';
import { sceneIcon, type Scene } from './icons.ts';
import { catalogOf, layout, type PageFrame } from './layout.ts';
import type { Visit } from './visit.ts';

/** A link that says what to do next. An empty address is this page once more. */
export interface Action {
  readonly label: string;
  readonly address: string;
}

export interface Message {
  readonly scene: Scene;
  /** Plain words for the tab. */
  readonly title: Html | string;
  /** The same as a heading, where names are set apart in it. */
  readonly heading?: Html;
  readonly lead: Html | string;
  readonly next?: string;
  /** A form of ours instead of a first link. */
  readonly form?: Html;
  /** The first is the one to take. */
  readonly actions: readonly Action[];
  readonly requestId?: string | null;
}

function action({ label, address }: Action, isFirst: boolean): Html {
  return html`<a class="button${isFirst ? '' : ' quiet'}" href="${address === '' ? '' : href(address)}">${label}</a>`;
}

/** A page that says one thing: what happened, and what to do next. */
export function messagePage(frame: PageFrame, visit: Visit, message: Message): Html {
  const catalog = catalogOf(visit);
  const main = html`<div class="message">
      ${sceneIcon(message.scene)}
      <h1>${message.heading ?? message.title}</h1>
      <p>${message.lead}</p>
      ${message.next !== undefined && html`<p>${message.next}</p>`}
    </div>
    <div class="actions">
      ${message.form} ${message.actions.map((entry, index) => action(entry, index === 0 && message.form === undefined))}
    </div>
    ${typeof message.requestId === 'string' && html`<p class="request">${catalog.requestId} <code>${message.requestId}</code></p>`}`;
  return layout(frame, visit, { title: message.title, main, script: message.form !== undefined });
}
