import type { Authenticator } from '../authentication/authenticator.ts';
import { createClientCertificateAuthenticator } from '../authentication/client-certificate/client-certificate.ts';
import { createTrustedHeaderAuthenticator } from '../authentication/trusted-header/trusted-header.ts';
import { createNetworkSet } from '../request/client-address.ts';
import type { Runtime } from '../runtime.ts';
import type { SignInConfig } from '../sign-in/config.ts';
import type { Foundation } from './foundation.ts';

/** Ways in without a page of ours: what comes with the request or the connection says who it is. */
export interface AmbientSignIn {
  /** Asked first: the proxy in front has judged every credential already. */
  readonly header: readonly Authenticator[];
  /** Asked before the session cookie, after credentials in `Authorization`. */
  readonly certificate: readonly Authenticator[];
}

export function createAmbientSignIn(
  { trustedHeader, clientCertificate }: SignInConfig,
  { bindings, directory }: Pick<Foundation, 'bindings' | 'directory'>,
  runtime: Runtime,
): AmbientSignIn {
  const parts = { owns: bindings.claim, directory, runtime };
  const proxies = createNetworkSet(trustedHeader?.from ?? []);
  return {
    header: trustedHeader === undefined ? [] : [createTrustedHeaderAuthenticator({ ...parts, config: trustedHeader })],
    certificate:
      clientCertificate === undefined
        ? []
        : [
            createClientCertificateAuthenticator({
              ...parts,
              config: clientCertificate,
              isProxy: ({ peerAddress }) => proxies.has(peerAddress),
            }),
          ],
  };
}
