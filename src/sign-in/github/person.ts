import type { Identity } from '../../identity/identity.ts';
import { canonicalUserName } from '../../identity/user-name.ts';
import { canonicalEmail } from '../../policy/criteria/email.ts';
import { problemOfGroup, problemOfText } from '../../users/user-record.ts';
import { askJson, authorization, isObject, OAuthFailure, tokenNotAccepted } from '../oauth/answer.ts';
import type { Mapped } from '../oidc/claims.ts';
import type { ProviderFetch } from '../provider-fetch.ts';
import { githubMethod, type GithubConfig } from './config.ts';

export interface GithubPeopleOptions {
  readonly config: Pick<GithubConfig, 'url' | 'organizations' | 'teams' | 'userPrefix'>;
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly fetch: ProviderFetch['fetch'];
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const pageSize = 100;
/** More organizations or teams than this are refused: a rule might ask for one that was not read. */
const maxPages = { '/user/orgs': 10, '/user/teams': 20 } as const;
/** No further page is asked for after this. */
const patienceMs = 12_000;

/**
 * Who holds a token at GitHub: login as the user name, id as the subject, the verified primary e-mail address, organizations
 * and teams as groups (`acme`, `acme/editors`, in lower case, as GitHub compares them).
 */
export function createGithubPeople({
  config,
  apiUrl,
  fetch,
  now,
}: GithubPeopleOptions): (accessToken: string) => Promise<Mapped> {
  const organizations = new Set(config.organizations.map((name) => name.toLowerCase()));
  const teams = new Set(config.teams.map((name) => name.toLowerCase()));

  const get = async (accessToken: string, path: string) => {
    const answer = await askJson(fetch, apiUrl + path, {
      method: 'GET',
      headers: {
        ...authorization(accessToken),
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      },
    });
    if (answer.status === 401) throw new OAuthFailure('refused', tokenNotAccepted);
    return answer;
  };
  const list = async (accessToken: string, path: string): Promise<readonly unknown[]> => {
    const { status, value } = await get(accessToken, path);
    if (status !== 200) throw new OAuthFailure('refused', `github-answered-${String(status)}`);
    if (!Array.isArray(value)) throw new OAuthFailure('refused', 'malformed-answer');
    return value as readonly unknown[];
  };
  /** By number, not by the `Link` header: no answer may send the token to another address. */
  const listAll = async (accessToken: string, path: keyof typeof maxPages): Promise<readonly unknown[]> => {
    const endMs = now() + patienceMs;
    const all: unknown[] = [];
    for (let page = 1; page <= maxPages[path]; page += 1) {
      if (now() > endMs) throw new OAuthFailure('unavailable', 'provider-slow');
      const found = await list(accessToken, `${path}?per_page=${String(pageSize)}&page=${String(page)}`);
      all.push(...found);
      if (found.length < pageSize) return all;
    }
    throw new OAuthFailure('refused', 'too-many-groups');
  };
  const emailOf = async (accessToken: string): Promise<string> => {
    const { status, value } = await get(accessToken, `/user/emails?per_page=${String(pageSize)}`);
    // A GitHub App may have no right to ask.
    if (status === 403 || status === 404) return '';
    if (status !== 200 || !Array.isArray(value)) throw new OAuthFailure('refused', 'malformed-answer');
    return primaryOf(value);
  };

  return async (accessToken) => {
    const [person, email, memberOf, teamsOf] = await Promise.all([
      get(accessToken, '/user'),
      emailOf(accessToken),
      listAll(accessToken, '/user/orgs'),
      listAll(accessToken, '/user/teams'),
    ]);
    if (person.status !== 200) throw new OAuthFailure('refused', `github-answered-${String(person.status)}`);
    const groups = groupsOf(memberOf, teamsOf);
    if (groups === null) throw new OAuthFailure('refused', 'malformed-answer');
    if (organizations.size + teams.size > 0 && !groups.some((group) => organizations.has(group) || teams.has(group)))
      return { kind: 'refused', reason: 'not-a-member' };
    const identity = identityOf(person.value, { email, groups }, config);
    return identity === null ? { kind: 'refused', reason: 'malformed-subject' } : { kind: 'identity', identity };
  };
}

function identityOf(
  person: unknown,
  { email, groups }: Pick<Identity, 'email' | 'groups'>,
  { url, userPrefix }: GithubPeopleOptions['config'],
): Identity | null {
  if (!isObject(person)) return null;
  const { id, login, name } = person;
  if (typeof id !== 'number' || !Number.isSafeInteger(id) || id <= 0) return null;
  const user = typeof login === 'string' ? canonicalUserName(userPrefix + login) : null;
  if (typeof login !== 'string' || !/^[A-Za-z0-9_-]{1,100}$/.test(login) || user === null) return null;
  return {
    user,
    name: typeof name === 'string' && problemOfText(name) === undefined ? name.trim().slice(0, 256) : '',
    email,
    groups,
    claims: { id: [String(id)], login: [login] },
    method: githubMethod,
    issuer: url,
    subject: String(id),
  };
}

function primaryOf(emails: readonly unknown[]): string {
  for (const entry of emails)
    if (
      isObject(entry) &&
      entry['primary'] === true &&
      entry['verified'] === true &&
      typeof entry['email'] === 'string'
    )
      return canonicalEmail(entry['email']) ?? '';
  return '';
}

/** Null for lists that are not as GitHub makes them. */
function groupsOf(organizations: readonly unknown[], teams: readonly unknown[]): readonly string[] | null {
  const groups = new Set<string>();
  for (const entry of organizations) {
    const login = isObject(entry) ? entry['login'] : undefined;
    if (typeof login !== 'string') return null;
    groups.add(login.toLowerCase());
  }
  for (const entry of teams) {
    const owner = isObject(entry) && isObject(entry['organization']) ? entry['organization']['login'] : undefined;
    const slug = isObject(entry) ? entry['slug'] : undefined;
    if (typeof owner !== 'string' || typeof slug !== 'string') return null;
    groups.add(`${owner}/${slug}`.toLowerCase());
  }
  return [...groups].every((group) => problemOfGroup(group) === undefined) ? [...groups] : null;
}
