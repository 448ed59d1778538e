/** One user as a users file says, checked: canonical name, no control characters, bounded length. */
export interface UserRecord {
  /** Canonical user name. */
  readonly user: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  /** As in the file; empty when there is none. */
  readonly passwordHash: string;
  readonly disabled: boolean;
}

/** Longest name, e-mail address or group: what still fits into a header of an upstream with usual limits. */
const maxTextLength = 16_000;

/** What is wrong with a name, an e-mail address or a group; undefined when nothing is. */
export function problemOfText(text: string): string | undefined {
  // C0, DEL and C1: what would end a header line or hide in a log.
  if (/\p{Cc}/u.test(text)) return 'holds a control character; take it out';
  if (!text.isWellFormed()) return 'is not well-formed Unicode';
  if (text.length > maxTextLength) return `is longer than ${maxTextLength} characters`;
  return undefined;
}

/** The same for a group. Upstreams get groups separated by commas, so a group can't hold one. */
export function problemOfGroup(group: string): string | undefined {
  if (group === '') return 'is empty; take it out';
  if (group.includes(',')) return 'holds a comma, which separates groups; write two groups, or the group without it';
  return problemOfText(group);
}
