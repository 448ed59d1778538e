import { apiUrlOf, type GithubConfig } from '../sign-in/github/config.ts';
import type { OAuth2ProviderConfig } from '../sign-in/oauth/config.ts';
import { isLoopbackHttp } from '../sign-in/oidc/config.ts';
import type { ConfigPath } from './config-path.ts';
import { checkReadable, type Complain } from './cross-checks.ts';
import type { Config } from './schema.ts';

/** Addresses of a provider by their keys, and what is said about plain http there. */
interface Addresses {
  readonly path: ConfigPath;
  readonly urls: readonly (readonly [key: string, url: string | undefined])[];
  readonly insecureHttp: boolean;
  readonly ca: string | undefined;
}

/** Makes paths absolute. A provider on this very machine needs no word about plain http: nobody stands between. */
export function completeOAuth(
  { github, oauth2 }: Pick<Config['signIn'], 'github' | 'oauth2'>,
  absolute: (path: string) => string,
): Pick<Config['signIn'], 'github' | 'oauth2'> {
  const complete = <T extends GithubConfig | OAuth2ProviderConfig>(provider: T, urls: readonly string[]): T => ({
    ...provider,
    ...(provider.ca === undefined ? {} : { ca: absolute(provider.ca) }),
    insecureHttp: provider.insecureHttp || urls.every((url) => isLoopbackHttp(url)),
  });
  return {
    github: github && complete(github, [github.url, apiUrlOf(github)]),
    oauth2: oauth2.map((provider) =>
      complete(
        provider,
        urlsOf(provider).map(([, url]) => url),
      ),
    ),
  };
}

/** Faults of `signIn.github` and `signIn.oauth2`. */
export function checkOAuth(config: Config, complain: Complain): void {
  for (const { path, urls, insecureHttp, ca } of addressesOf(config)) {
    for (const [key, url] of urls)
      if (url?.startsWith('http:') === true && !insecureHttp)
        complain([...path, key], 'is http; write https, or insecureHttp: true where nobody can stand between');
    if (ca !== undefined) checkReadable(ca, [...path, 'ca'], complain);
  }
  const { ldap, oidc, oauth2 } = config.signIn;
  const taken = new Set([ldap?.id, ...oidc.map(({ id }) => id)]);
  for (const [index, { id, clientAuthentication: way, clientSecret }] of oauth2.entries()) {
    const path = ['signIn', 'oauth2', index];
    if (taken.has(id)) complain([...path, 'id'], 'is already the id of another way to sign in; write another');
    taken.add(id);
    if ((way === 'basic' || way === 'post') && clientSecret === undefined)
      complain([...path, 'clientAuthentication'], `is ${way}, which needs a clientSecret`);
    if (way === 'none' && clientSecret !== undefined)
      complain([...path, 'clientAuthentication'], 'is none, but there is a secret; take one of them away');
  }
}

/** What of them is allowed but unsafe. */
export function warnOfOAuth(config: Config, warn: Complain): void {
  for (const { path, urls, insecureHttp } of addressesOf(config))
    if (insecureHttp && urls.some(([, url]) => url?.startsWith('http:') === true && !isLoopbackHttp(url)))
      warn([...path, 'insecureHttp'], 'is true: whoever is between us and that provider can sign in as anybody');
  const { github, oauth2, oidc } = config.signIn;
  for (const [index, { issuer, requiredClaims }] of oidc.entries()) {
    const open = forEverybody.find((provider) => provider.issuer === issuer);
    if (open !== undefined && !open.isLimited(requiredClaims)) warn(['signIn', 'oidc', index], open.message, true);
  }
  if (github !== undefined && github.organizations.length + github.teams.length === 0 && isForEverybody(github.url))
    warn(
      ['signIn', 'github'],
      'lets everybody with a GitHub account sign in; name organizations or teams, or mind that each rule names users or groups',
      true,
    );
  for (const [index, { pkce }] of oauth2.entries())
    if (!pkce) warn(['signIn', 'oauth2', index, 'pkce'], 'is off: a code that somebody gets hold of is easier to use');
}

type RequiredClaims = Config['signIn']['oidc'][number]['requiredClaims'];

/** Issuers that vouch for anybody in the world. */
const forEverybody = [
  {
    issuer: 'https://accounts.google.com',
    isLimited: (claims: RequiredClaims): boolean => Object.hasOwn(claims, 'hd') || Object.hasOwn(claims, 'email'),
    message:
      'lets everybody with a Google account sign in; name your hostedDomain, or mind that each rule names users or e-mail addresses',
  },
  {
    issuer: 'https://gitlab.com',
    isLimited: (claims: RequiredClaims): boolean => Object.keys(claims).length > 0,
    message:
      'lets everybody with an account at gitlab.com sign in; write requiredClaims: {groups: [your-group]}, or mind that each rule names users or groups',
  },
] as const;

/** Anybody can have an account there. */
function isForEverybody(url: string): boolean {
  return new URL(url).hostname === 'github.com';
}

function addressesOf({ signIn: { github, oauth2 } }: Config): readonly Addresses[] {
  return [
    ...(github === undefined
      ? []
      : [
          {
            path: ['signIn', 'github'],
            urls: [['url', github.url] as const, ['apiUrl', github.apiUrl] as const],
            insecureHttp: github.insecureHttp,
            ca: github.ca,
          },
        ]),
    ...oauth2.map((provider, index) => ({
      path: ['signIn', 'oauth2', index],
      urls: urlsOf(provider),
      insecureHttp: provider.insecureHttp,
      ca: provider.ca,
    })),
  ];
}

function urlsOf({ authorizationUrl, tokenUrl, userInfoUrl }: OAuth2ProviderConfig): readonly [string, string][] {
  return Object.entries({ authorizationUrl, tokenUrl, userInfoUrl });
}
