import type Koa from 'koa';
import type { Authenticator } from '../authentication/authenticator.ts';
import type { Gate } from '../gate.ts';
import type { Pages } from '../response/pages/pages.ts';
import type { RouteTable } from '../route/table.ts';
import type { Runtime } from '../runtime.ts';
import { createFormTokens, type FormTokens } from '../sign-in/form-token.ts';
import { createHandOvers, type HandOvers } from '../sign-in/hand-over.ts';
import { createNamedHosts, createReturnTo, type ReturnTo } from '../sign-in/return-to.ts';
import type { SignInFinish } from '../sign-in/finish.ts';
import type { PasswordSignIn } from '../sign-in/sign-in.ts';
import { deriveKey } from '../store/sealing.ts';
import type { PageState } from './app.ts';
import type { Foundation } from './foundation.ts';
import { homePages } from './home-pages.ts';
import { keyPages } from './key-pages.ts';
import { createPageServer, type Page } from './pages.ts';
import type { ServerSettings } from './settings.ts';
import { handOverPages } from './hand-over-pages.ts';
import { providerLogoutPages } from './provider-logout-pages.ts';
import { redirectPages } from './redirect-pages.ts';
import type { SignInMethods } from './sign-in-methods.ts';
import { signInPages } from './sign-in-pages.ts';
import { tokenPages } from './token-pages.ts';
import { signOutPages } from './sign-out-pages.ts';

export interface OwnPagesOptions {
  readonly config: ServerSettings;
  readonly foundation: Foundation;
  readonly runtime: Runtime;
  readonly pages: Pages;
  readonly routes: RouteTable;
  readonly gate: Gate;
  readonly methods: SignInMethods;
  readonly finish: SignInFinish;
  /** Null when no method takes a password. */
  readonly passwordSignIn: PasswordSignIn | null;
  /** Believes the session cookie only. */
  readonly authenticateSession: Authenticator;
  /** Believes, too, what says without a page of ours who somebody is: a proxy in front, a certificate. */
  readonly authenticatePerson: Authenticator;
}

/** What the handlers of our own pages work with. */
export interface OwnPagesTools extends OwnPagesOptions {
  readonly handOvers: HandOvers;
  readonly formTokens: FormTokens;
  readonly returnTo: ReturnTo;
}

/** Our own pages under `authPath`: sign-in, sign-out, what stands behind the bare prefix, health, files. */
export function createOwnPages(options: OwnPagesOptions): Koa.Middleware<PageState> {
  const { config, foundation, runtime, pages, routes } = options;
  const { authPath, publicUrl } = config.server;
  const tools: OwnPagesTools = {
    ...options,
    formTokens: createFormTokens({
      key: deriveKey(foundation.secret, 'form-token'),
      randomBytes: runtime.randomBytes,
    }),
    handOvers: createHandOvers({ store: foundation.store, secret: foundation.secret, runtime }),
    returnTo: createReturnTo({ publicUrl, authPath, servesHost: createNamedHosts(routes.routes) }),
  };
  const files: Page[] = [...pages.assets().keys()].map((path) => ({
    method: 'GET',
    path: path.slice(authPath.length),
    atAnyHost: true,
    handle: ({ facts }) => ({ answer: pages.asset(path) ?? pages.notFound(pages.visit(facts)), reason: 'asset' }),
  }));
  const ownHost = new URL(publicUrl).hostname;
  return createPageServer({
    authPath,
    servesHost: (host) => host === ownHost || routes.servesHost(host),
    pages: [
      ...signInPages(tools),
      ...redirectPages(tools),
      ...handOverPages(tools),
      ...signOutPages(tools),
      ...providerLogoutPages(tools),
      ...homePages(tools),
      ...tokenPages(tools),
      ...keyPages(tools),
      ...files,
    ],
    notFound: ({ facts }) => pages.notFound(pages.visit(facts)),
    methodNotAllowed: ({ facts }, allow) => pages.methodNotAllowed(pages.visit(facts), { allow }),
  });
}
