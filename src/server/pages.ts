import Router, { type RouterContext } from 'koa-router';
import type Koa from 'koa';
import type { Answer } from '../response/answer.ts';
import type { PageState } from './app.ts';
import { answerWithoutBody } from './refuse.ts';

type PageContext = RouterContext<PageState>;

/** What a page handler says: the answer, who was concerned, and the reason for the log. */
export interface PageAnswer {
  readonly answer: Answer;
  readonly reason: string;
  readonly user?: string | null;
}

/** One of our own pages: method, path below `authPath`, and what answers. */
export interface Page {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly handle: (exchange: PageExchange) => PageAnswer | Promise<PageAnswer>;
  /** Answers also at hosts that nobody serves: for health checks that ask by address, and files of our error pages. */
  readonly atAnyHost?: boolean;
}

export type PageExchange = Pick<PageState, 'facts'> & { readonly request: PageContext['req'] };

export interface PagesOptions {
  readonly authPath: string;
  readonly pages: readonly Page[];
  /** Hosts at which a person may have business with us; elsewhere our pages are not found. */
  readonly servesHost: (host: string) => boolean;
  /** For a path of ours that no page has, and for a method that a page does not know. */
  readonly notFound: (exchange: PageExchange) => Answer;
  readonly methodNotAllowed: (exchange: PageExchange, allow: readonly string[]) => Answer;
}

/** Serves our own pages by koa-router. Always answers: nothing under our prefix ever falls through to an upstream. */
export function createPageServer({
  authPath,
  pages,
  servesHost,
  notFound,
  methodNotAllowed,
}: PagesOptions): Koa.Middleware<PageState> {
  const router = new Router<PageState>({ sensitive: true, strict: true });
  const methods = new Map<string, Set<string>>();
  for (const { method, path, handle, atAnyHost = false } of pages) {
    const allowed = methods.get(path) ?? new Set<string>();
    methods.set(path, allowed.add(method));
    if (method === 'GET') allowed.add('HEAD');
    const serve = async (context: PageContext): Promise<void> => {
      const exchange = { facts: context.state.facts, request: context.req };
      // Forms are small: whoever asks first (RFC 9110 §10.1.1) may send.
      if (method === 'POST' && exchange.facts.expectsContinue) context.res.writeContinue();
      finish(
        context,
        atAnyHost || servesHost(exchange.facts.host)
          ? await handle(exchange)
          : { answer: notFound(exchange), reason: 'no-such-host' },
      );
    };
    // koa-router answers HEAD where it answers GET.
    if (method === 'GET') router.get(`${authPath}${path}`, serve);
    else router.post(`${authPath}${path}`, serve);
  }
  const routes = router.routes();
  return async (context, next) => {
    await routes(context as PageContext, async () => {
      const exchange = { facts: context.state.facts, request: context.req };
      const allow = methods.get(context.path.slice(authPath.length));
      finish(
        context,
        allow === undefined
          ? { answer: notFound(exchange), reason: 'no-such-page' }
          : { answer: methodNotAllowed(exchange, [...allow]), reason: 'method-not-allowed' },
      );
    });
    void next;
  };
}

function finish(context: Koa.ParameterizedContext<PageState>, { answer, reason, user }: PageAnswer): void {
  answerWithoutBody(answer, context.req, context.res);
  context.state.completed = { status: answer.status, reason, route: null, user: user ?? null };
}
