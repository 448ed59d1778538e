import type { AssertionAlgorithm } from '../identity/config.ts';
import type { OwnPagesTools } from './own-pages.ts';
import { bareHeaders } from './page-parts.ts';
import type { Page, PageAnswer } from './pages.ts';

/** The public keys for checking assertions; apps may ask by any name that reaches us. */
export function keyPages(tools: OwnPagesTools): readonly Page[] {
  return [{ method: 'GET', path: '/jwks.json', atAnyHost: true, handle: () => jwks(tools) }];
}

async function jwks(tools: OwnPagesTools): Promise<PageAnswer> {
  const keys = await tools.foundation.keys.publicKeys(algorithmsOf(tools));
  const headers = [
    ...bareHeaders(tools).filter(([name]) => name !== 'Cache-Control'),
    ['Cache-Control', 'public, max-age=300'],
    ['Content-Type', 'application/json'],
  ] as const;
  return { answer: { status: 200, headers, body: `${JSON.stringify({ keys })}\n` }, reason: 'keys' };
}

/** The algorithms that some route signs with. */
function algorithmsOf({ config }: OwnPagesTools): ReadonlySet<AssertionAlgorithm> {
  const used = config.routes.map((route) => route.identity.assertion ?? config.identity.assertion);
  return new Set(used.flatMap((assertion) => (assertion === false ? [] : [assertion.algorithm])));
}
