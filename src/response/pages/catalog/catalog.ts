import { de } from './de.ts';
import { en } from './en.ts';

/** Languages of our pages. */
export type Language = 'en' | 'de';

/** Every text of our pages; English is the measure, and a text that another language lacks fails the types. */
export type Catalog = typeof en;

export const catalogs: Readonly<Record<Language, Catalog>> = { en, de };
