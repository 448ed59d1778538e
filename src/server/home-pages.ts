import type { RequestFacts } from '../request/facts.ts';
import { readPath } from '../request/path.ts';
import type { Route } from '../route/table.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { bareHeaders, currentPerson, currentSession, queryOf, routeAt, seeOther, withForm } from './page-parts.ts';
import type { Page, PageAnswer } from './pages.ts';

/** What stands behind the bare prefix: who is signed in and which apps are theirs; the word on second factors; health. */
export function homePages(tools: OwnPagesTools): readonly Page[] {
  return [
    {
      method: 'GET',
      path: '',
      handle: () => ({ answer: seeOther(tools, `${tools.config.server.authPath}/`), reason: 'home' }),
    },
    { method: 'GET', path: '/', handle: ({ facts }) => home(tools, facts) },
    { method: 'GET', path: '/step-up', handle: ({ facts }) => stepUp(tools, facts) },
    { method: 'GET', path: '/health', atAnyHost: true, handle: () => health(tools) },
  ];
}

async function home(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { pages, config } = tools;
  const person = await currentPerson(tools, facts);
  if (person === null) return { answer: seeOther(tools, `${config.server.authPath}/sign-in`), reason: 'not-signed-in' };
  const { user, name, email } = person.identity;
  const apps = await appsOf(tools, facts);
  const answer = withForm(tools, facts, 'sign-out', (formToken) =>
    pages.home(pages.visit(facts), {
      user,
      name,
      email,
      apps,
      formToken: person.session === null ? null : formToken,
      offersTokens: config.accessTokens.enabled && person.session !== null,
    }),
  );
  return { answer, reason: 'home', user };
}

/** An app that a person may open. */
export interface HomeApp {
  /** Id of the route. */
  readonly id: string;
  readonly title: string;
  readonly url: string;
}

/** The apps whose front page the gate would open to this person; hosts with a wildcard have no front page, redirects are none. */
export async function appsOf(tools: OwnPagesTools, facts: RequestFacts): Promise<readonly HomeApp[]> {
  const apps: HomeApp[] = [];
  for (const route of tools.routes.routes) {
    const question = frontPage(route, facts);
    if (question === null) continue;
    const decision = await tools.gate(question);
    if (decision.kind === 'forward' && decision.route === route)
      apps.push({ id: route.id, title: route.title, url: `${question.origin}${route.path}` });
  }
  return apps;
}

function frontPage(route: Route, facts: RequestFacts): RequestFacts | null {
  const host = route.host ?? facts.host;
  const path = readPath(route.path);
  if (route.answer !== null || host.startsWith('*.') || path.kind === 'unreadable') return null;
  const origin = facts.origin.replace(facts.host, host);
  return {
    ...facts,
    method: 'GET',
    host,
    origin,
    path: path.path,
    otherReadings: path.otherReadings,
    hasEncodedSlash: path.hasEncodedSlash,
  };
}

async function stepUp(tools: OwnPagesTools, facts: RequestFacts): Promise<PageAnswer> {
  const { pages } = tools;
  const session = await currentSession(tools, facts);
  const returnTo = tools.returnTo.check(queryOf(facts, 'return_to'), facts);
  const app = routeAt(tools, facts, returnTo)?.title ?? null;
  return {
    answer: pages.stepUp(pages.visit(facts), { app }),
    reason: 'second-factor-required',
    user: session?.identity.user ?? null,
  };
}

function health(tools: OwnPagesTools): PageAnswer {
  const headers = [...bareHeaders(tools), ['Content-Type', 'application/json']] as const;
  return { answer: { status: 200, headers, body: '{"status":"ok"}\n' }, reason: 'health' };
}
