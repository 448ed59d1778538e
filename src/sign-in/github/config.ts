import { z } from 'zod';
import { checkEvery, providerCa, providerInsecureHttp, providerName, providerUrl } from '../oauth/config.ts';
import { userPrefixConfig } from '../oidc/config.ts';

/** Id of the method. */
export const githubMethod = 'github';

export const githubConfig = z
  .strictObject({
    name: providerName('GitHub').prefault('GitHub'),
    clientId: z.string().min(1).max(512).describe('Of the OAuth app, or GitHub App, at GitHub.'),
    clientSecret: z.string().min(1).max(4_096).describe('Its secret.'),
    organizations: z
      .array(
        z
          .string()
          .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'is not an organization; write its name in the address: acme'),
      )
      .prefault([])
      .describe('Whose members may sign in. Without this and `teams`: everybody with an account there.'),
    teams: z
      .array(
        z
          .string()
          .regex(
            /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}\/[A-Za-z0-9._-]{1,100}$/,
            'is not a team; write ORGANIZATION/TEAM as in its address: acme/editors',
          ),
      )
      .prefault([])
      .describe('Whose members may sign in, too: `acme/editors`.'),
    url: providerUrl()
      .refine((url) => new URL(url).pathname === '/' && !url.includes('?'), 'holds a path; write https://HOST')
      .transform((url) => new URL(url).origin)
      .prefault('https://github.com')
      .describe('Of another GitHub: `https://github.example.com` (Enterprise Server), `https://acme.ghe.com`.'),
    apiUrl: providerUrl()
      .transform((url) => url.replace(/\/+$/, ''))
      .optional()
      .describe('Its API. Default: `https://api.github.com`, `https://api.acme.ghe.com`, else `/api/v3` under `url`.'),
    userPrefix: userPrefixConfig,
    checkEvery: checkEvery(),
    ca: providerCa,
    insecureHttp: providerInsecureHttp,
  })
  .describe('Sign-in with GitHub. Docs: docs/providers/github.md.');

export type GithubConfig = z.output<typeof githubConfig>;

/** Where the API of a GitHub is. */
export function apiUrlOf({ url, apiUrl }: Pick<GithubConfig, 'url' | 'apiUrl'>): string {
  if (apiUrl !== undefined) return apiUrl;
  const { protocol, host } = new URL(url);
  if (host === 'github.com') return 'https://api.github.com';
  return host.endsWith('.ghe.com') ? `${protocol}//api.${host}` : `${url}/api/v3`;
}
