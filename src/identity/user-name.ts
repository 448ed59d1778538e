const maxLength = 256;

/** Control and format characters (also invisible ones), lone surrogates, line and paragraph separators. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * The one form in which user names are compared everywhere: rules, counters, sessions, headers, logs.
 * NFKC in lower case, so that `Alice`, `ALICE` and look-alike widths are one person.
 * Null for what can't be a user name: empty, longer than 256 characters, with control or invisible characters,
 * or with white space at an end.
 */
export function canonicalUserName(text: string): string | null {
  if (text.length === 0 || text.length > maxLength) return null;
  // Lower case may undo the composition (İ), and composing may bring a capital back: once more makes it stable.
  const name = fold(fold(text));
  if (name.length === 0 || name.length > maxLength) return null;
  if (unprintable.test(text) || unprintable.test(name)) return null;
  return name === name.trim() && text === text.trim() ? name : null;
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase().normalize('NFKC');
}
