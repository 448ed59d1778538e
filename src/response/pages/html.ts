/** HTML that is safe to write: made by `html`, or vouched for by `raw`. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template. Text and numbers are escaped; null, undefined and false write nothing. */
export type Part = Html | string | number | null | undefined | false | readonly Part[];

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Escapes for text and for quoted attributes (never write an attribute without quotes). Control characters, which HTML
 * forbids, and lone surrogates, which UTF-8 can't hold, become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\ufffd')
    .replace(/[&<>"'`]/g, (character) => escapes[character] ?? '');
}

/** Takes text over as it stands. Only for text of our own that no visitor, user or upstream had a hand in. */
export function raw(text: string): Html {
  return new Html(text);
}

function write(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'string') return escapeHtml(part);
  if (typeof part === 'number') return String(part);
  return part.map(write).join('');
}

/** Template tag: everything put in is escaped, unless it is Html already. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? '';
  parts.forEach((part, index) => {
    text += write(part) + (strings[index + 1] ?? '');
  });
  return new Html(text);
}

/**
 * An address for `href`: an absolute http(s) URL or a path on this host. Anything else, `javascript:` or `//other.host`,
 * becomes `/`; the addresses were checked before, and this is the last door.
 */
export function href(address: string): string {
  if (/[\x00-\x20\\]/.test(address)) return '/';
  if (/^\/(?!\/)/.test(address) || /^https?:\/\/[^/@]+(\/|\?|$)/i.test(address)) return address;
  return '/';
}
