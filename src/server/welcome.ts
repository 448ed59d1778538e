import type { RequestFacts } from '../request/facts.ts';
import { expireAppCookies } from '../sign-in/app-cookies.ts';
import type { SignedIn } from '../sign-in/finish.ts';
import { addFragment } from '../sign-in/return-to.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { seeOther, withCookies } from './page-parts.ts';
import type { PageAnswer } from './pages.ts';

export interface Welcome {
  readonly result: SignedIn;
  /** Checked; null: the person's apps. */
  readonly returnTo: string | null;
  readonly fragment: string | undefined;
  /** The browser comes from another site: a `SameSite=Strict` cookie does not travel with a redirect from there. */
  readonly fromElsewhere: boolean;
}

/** Gives the browser its session cookie and leads it to where it wanted to go. */
export function welcome(
  tools: OwnPagesTools,
  facts: RequestFacts,
  { result: { session, token, userChanged }, returnTo, fragment, fromElsewhere }: Welcome,
): PageAnswer {
  const { config, foundation, routes, pages } = tools;
  const { rememberFor, cookie } = config.session;
  const lasting = session.remembered ? { maxAgeSeconds: Math.floor(rememberFor / 1_000) } : {};
  const cookies = [
    foundation.cookie.serialize(token, lasting),
    ...(userChanged ? expireAppCookies(routes.routes, facts) : []),
  ];
  const target = addFragment(returnTo ?? `${config.server.authPath}/`, fragment);
  const answer =
    fromElsewhere && cookie.sameSite === 'strict'
      ? pages.goingOn(pages.visit(facts), { kind: 'signed-in', address: target })
      : seeOther(tools, target);
  return { answer: withCookies(answer, cookies), reason: 'signed-in', user: session.identity.user };
}
