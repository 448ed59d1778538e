import type { HeaderSet } from './header-sets.ts';
import { namedHeaderSets } from './header-sets.ts';

/** Names that only the gateway may set towards an upstream. What a visitor sends under one of them is dropped. */
export interface ReservedHeaders {
  /** `lowerName` is a header name in lower case, as it came otherwise. Look-alikes count too. */
  readonly isReserved: (lowerName: string) => boolean;
}

/** Made by us, or believed by some app when we don't: never taken from a visitor. */
const ownNames = [
  'Forwarded',
  'X-Real-IP',
  'X-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'Fastly-Client-IP',
  'X-Cluster-Client-IP',
  'X-Original-URL',
  'X-Original-URI',
  'X-Original-Host',
  'X-Original-Method',
  'X-Rewrite-URL',
  'X-Request-Id',
  // The rules judged the method on the request line; an app must not be told another one.
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  // CGI makes HTTP_PROXY of it, which many HTTP clients take for their own proxy setting (CVE-2016-5385).
  'Proxy',
];

/** Whole families: the name itself and everything that goes on with a separator. */
const ownFamilies = ['sallyport', 'x-forwarded', 'x-auth-request'];

const rememberedNames = 1_000;
const rememberedLength = 64;

/**
 * Compiles the reserved names: every known set (configured or not), every name of `sets`, and what is made by us.
 *
 * CGI, PHP and WSGI write a header's name as a variable, so that `Remote-User`, `Remote_User` and `Remote.User` are one
 * to them. Names are therefore compared with every run of other characters than letters and digits as one `-`.
 */
export function createReservedHeaders(sets: readonly Pick<HeaderSet, 'names'>[]): ReservedHeaders {
  const names = new Set<string>();
  for (const name of ownNames) names.add(foldHeaderName(name.toLowerCase()));
  for (const set of Object.values(namedHeaderSets)) {
    for (const name of Object.keys(set)) names.add(foldHeaderName(name.toLowerCase()));
  }
  for (const set of sets) for (const name of set.names) names.add(foldHeaderName(name.toLowerCase()));

  const judge = (lowerName: string): boolean => {
    const folded = foldHeaderName(lowerName);
    return names.has(folded) || ownFamilies.some((family) => folded === family || folded.startsWith(`${family}-`));
  };

  const remembered = new Map<string, boolean>();
  return {
    isReserved: (lowerName) => {
      const known = remembered.get(lowerName);
      if (known !== undefined) return known;
      const verdict = judge(lowerName);
      if (lowerName.length <= rememberedLength) {
        // Visitors choose names: forget all rather than grow.
        if (remembered.size >= rememberedNames) remembered.clear();
        remembered.set(lowerName, verdict);
      }
      return verdict;
    },
  };
}

/** Writes a name (in lower case) as an app sees it that makes variables of headers: `x_user` and `x.user` are `x-user`. */
export function foldHeaderName(lowerName: string): string {
  return lowerName.replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
}
