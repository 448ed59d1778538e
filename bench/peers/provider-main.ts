/** A real OpenID provider that signs in whoever comes, each as somebody else: `node provider-main.ts PORT`. */
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
let visitors = 0;

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: 'bench',
      client_secret: 'bench-secret-bench-secret-bench-secret',
      redirect_uris: ['http://app.test/redirect_uri', 'http://app.test/oauth2/callback'],
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  conformIdTokenClaims: false,
  cookies: { keys: ['bench-cookie-key'] },
  features: { devInteractions: { enabled: false } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@app.test`, email_verified: true, name: `Person ${id}` }),
  }),
  interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
  // Nobody is asked: all that the client wants is granted.
  loadExistingGrant: async ({ oidc }) => {
    const { session, client, provider: issuer } = oidc;
    if (session?.accountId === undefined || client === undefined) return undefined;
    const grant = new issuer.Grant({ clientId: client.clientId, accountId: session.accountId });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
  pkce: { required: () => false },
});

const answer = provider.callback();
createServer((request, response) => {
  if (!request.url?.startsWith('/interaction/')) {
    void answer(request, response);
    return;
  }
  const login = { accountId: `visitor${(visitors += 1)}` };
  provider.interactionFinished(request, response, { login }).catch((error: unknown) => {
    response.writeHead(500).end(String(error));
  });
}).listen(port, '127.0.0.1');
