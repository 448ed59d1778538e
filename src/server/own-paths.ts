import type { RequestFacts } from '../request/facts.ts';

/**
 * Tells requests for our own pages from proxied traffic. Every reading of the path counts, also in other letter case and
 * with an encoded slash: what could be taken for ours is never forwarded. Only the exact spelling does anything (else 404).
 */
export function createOwnPaths(authPath: string): (facts: RequestFacts) => boolean {
  const prefix = authPath.toLowerCase();
  const isUnder = (path: string): boolean => {
    const plain = path.toLowerCase().replaceAll('%2f', '/');
    return plain.startsWith(prefix) && (plain.length === prefix.length || plain[prefix.length] === '/');
  };
  const firstLetters = prefix.slice(0, 2);
  return ({ path, otherReadings, hasEncodedSlash }) => {
    // Nearly every request differs in its second character already.
    if (!hasEncodedSlash && otherReadings.length === 0 && path.slice(0, 2).toLowerCase() !== firstLetters) return false;
    return isUnder(path) || otherReadings.some(isUnder);
  };
}
