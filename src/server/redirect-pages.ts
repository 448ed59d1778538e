import { readCookie } from '../request/cookies.ts';
import type { RequestFacts } from '../request/facts.ts';
import type { Answer } from '../response/answer.ts';
import { readFields, type Fields } from '../sign-in/form.ts';
import type { RedirectMethod, RedirectPurpose } from '../sign-in/method.ts';
import type { Transaction } from '../sign-in/transaction.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { currentSession, seeOther, withBrowserCookie, withCookies } from './page-parts.ts';
import type { Page, PageAnswer } from './pages.ts';
import { welcome } from './welcome.ts';

/** The way to a provider and back, of every method that leads the browser elsewhere. */
export function redirectPages(tools: OwnPagesTools): readonly Page[] {
  return tools.methods.redirects.flatMap((method): Page[] => [
    {
      method: 'GET',
      path: `/sign-in/${method.id}`,
      handle: async ({ facts }) => {
        const fields = readFields(facts.rawQuery.slice(1));
        if (fields === null) return badRequest(tools, facts);
        return begin(tools, facts, method, {
          returnTo: tools.returnTo.check(fields.get('return_to'), facts),
          fragment: fields.get('fragment') ?? '',
          remember: fields.get('remember') === 'on',
          purpose: await purposeOf(tools, facts, fields),
        });
      },
    },
    { method: 'GET', path: `/callback/${method.id}`, handle: ({ facts }) => callback(tools, facts, method) },
  ]);
}

/** Sends the browser to the provider. A HEAD request, and a browser at another host than `publicUrl`'s, starts nothing. */
export async function begin(
  tools: OwnPagesTools,
  facts: RequestFacts,
  method: RedirectMethod,
  wanted: Pick<Transaction, 'returnTo' | 'fragment' | 'remember' | 'purpose'>,
): Promise<PageAnswer> {
  const { pages, foundation } = tools;
  if (facts.method !== 'GET') return badRequest(tools, facts);
  if (facts.origin !== tools.config.server.publicUrl)
    return failed(tools, facts, { method, kind: 'elsewhere', reason: 'not-at-public-url', returnTo: wanted.returnTo });
  const { cookie, setCookies } = withBrowserCookie(tools, facts);
  const transaction = await foundation.transactions.start(cookie, facts.clientAddress, {
    method: method.id,
    ...wanted,
  });
  if (transaction === null) {
    const answer = pages.tooManyTries(pages.visit(facts), { retryAfterSeconds: 60 });
    return { answer, reason: 'too-many-starts' };
  }
  const started = await method.start(transaction);
  if (started.kind === 'unavailable')
    return failed(tools, facts, { method, kind: 'unavailable', reason: started.reason, returnTo: wanted.returnTo });
  return { answer: withCookies(seeOther(tools, started.url), setCookies), reason: 'sent-to-provider' };
}

/** Whoever is signed in wants to be somebody else, or is asked to prove anew who they are. */
async function purposeOf(tools: OwnPagesTools, facts: RequestFacts, fields: Fields): Promise<RedirectPurpose> {
  if ((await currentSession(tools, facts)) === null) return 'sign-in';
  return fields.has('again') ? 'again' : 'switch';
}

async function callback(tools: OwnPagesTools, facts: RequestFacts, method: RedirectMethod): Promise<PageAnswer> {
  const { foundation } = tools;
  const fields = readFields(facts.rawQuery.slice(1));
  if (fields === null || facts.method !== 'GET') return badRequest(tools, facts);
  const browser = readCookie(facts, foundation.cookie.formName);
  const transaction = await foundation.transactions.take(fields.get('state') ?? '', browser, method.id);
  if (transaction === null)
    return failed(tools, facts, { method, kind: 'expired', reason: 'unknown-state', returnTo: null });
  const { returnTo, fragment } = transaction;
  const verdict = await method.finish({ ...transaction, parameters: fields });
  if (verdict.kind !== 'verified') {
    const kind = verdict.kind === 'unavailable' ? 'unavailable' : 'refused';
    return failed(tools, facts, { method, kind, reason: verdict.reason, error: verdict.error, returnTo });
  }
  const result = await tools.finish({ verified: verdict, remember: transaction.remember, facts });
  if (result.kind === 'refused') {
    tools.foundation.metrics.signIn('failed');
    const { user } = verdict.identity;
    return { answer: failedPage(tools, facts, { method, kind: 'name-taken', returnTo, user }), reason: result.reason };
  }
  tools.foundation.metrics.signIn('succeeded');
  return welcome(tools, facts, { result, returnTo, fragment, fromElsewhere: true });
}

interface Failure {
  readonly method: RedirectMethod;
  readonly kind: 'expired' | 'refused' | 'unavailable' | 'elsewhere' | 'name-taken';
  readonly returnTo: string | null;
  readonly user?: string;
}

function failed(
  tools: OwnPagesTools,
  facts: RequestFacts,
  { reason, error, ...failure }: Failure & { readonly reason: string; readonly error?: unknown },
): PageAnswer {
  const { audit, metrics } = tools.foundation;
  metrics.signIn('failed');
  audit('sign-in.failed', facts, { method: failure.method.id, reason, ...(error === undefined ? {} : { error }) });
  return { answer: failedPage(tools, facts, failure), reason };
}

function failedPage({ pages, config }: OwnPagesTools, facts: RequestFacts, failure: Failure): Answer {
  const { method, kind, returnTo, user = '' } = failure;
  return pages.signInFailed(pages.visit(facts), {
    kind,
    provider: method.label,
    user,
    returnTo,
    publicUrl: config.server.publicUrl,
    requestId: facts.id,
  });
}

function badRequest({ pages }: OwnPagesTools, facts: RequestFacts): PageAnswer {
  const answer = pages.badRequest(pages.visit(facts), { status: 400, requestId: facts.id });
  return { answer, reason: 'malformed-query' };
}
