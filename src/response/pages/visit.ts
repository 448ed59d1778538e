import type { RequestFacts } from '../../request/facts.ts';
import type { Language } from './catalog/catalog.ts';
import { negotiateLanguage, readLanguage } from './language.ts';

/** What every page needs to know of the visit it answers. */
export interface Visit {
  readonly language: Language;
  /** The visitor chose the language by `?lang=`: links and forms of ours carry it on. */
  readonly languageChosen: boolean;
  /** Host, and port where it is not the usual one, as the visitor's address bar shows it; null when unknown. */
  readonly host: string | null;
  /** Path and query of this page for the language link; null where the address belongs to an app. */
  readonly address: string | null;
}

export interface VisitOptions {
  readonly authPath: string;
  /** `theme.language`: one that holds for everybody, or `auto`. */
  readonly language: Language | 'auto';
}

/** A visit of which nothing is known (the request could not be read); language by header alone. */
export function unknownVisit(options: VisitOptions, acceptLanguage: string | undefined): Visit {
  const language = options.language === 'auto' ? negotiateLanguage(acceptLanguage) : options.language;
  return { language, languageChosen: false, host: null, address: null };
}

/** Reads the visit from the facts: `?lang=` (on our own pages only) before `Accept-Language`; a forced language before both. */
export function readVisit(options: VisitOptions, facts: RequestFacts): Visit {
  const isOurs = facts.path === options.authPath || facts.path.startsWith(`${options.authPath}/`);
  const query = new URLSearchParams(isOurs ? facts.rawQuery : '');
  const chosen = options.language === 'auto' ? readLanguage(query.get('lang')) : null;
  const visit = unknownVisit(options, facts.header('accept-language'));
  return {
    language: chosen ?? visit.language,
    languageChosen: chosen !== null,
    host: facts.origin.slice(facts.origin.indexOf('//') + 2),
    address: isOurs && options.language === 'auto' ? `${facts.path}${facts.rawQuery}` : null,
  };
}

/** The address with its `lang` parameter set, everything else as it was. */
export function withLanguage(address: string, language: Language): string {
  const [path = '', query = ''] = address.split('?', 2);
  const kept = query.split('&').filter((pair) => pair !== '' && !/^lang(=|$)/.test(pair));
  return `${path}?${[...kept, `lang=${language}`].join('&')}`;
}

/** An address of ours, with the language where the visitor chose one. */
export function ownAddress(visit: Visit, address: string): string {
  return visit.languageChosen ? withLanguage(address, visit.language) : address;
}
