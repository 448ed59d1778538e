import { isIPv6 } from 'node:net';
import { trustedHeaderNames } from '../authentication/trusted-header/config.ts';
import { foldHeaderName } from '../identity/headers.ts';
import type { Complain } from './cross-checks.ts';
import type { Config } from './schema.ts';

/** Faults of `signIn.trustedHeader` and `signIn.clientCertificate`. */
export function checkAmbient({ signIn, server }: Config, complain: Complain): void {
  const { trustedHeader, clientCertificate } = signIn;
  if (clientCertificate !== undefined && server.tls?.clientCa === undefined)
    complain(
      ['signIn', 'clientCertificate'],
      'needs server.tls.clientCa: without it nobody is asked for a certificate',
      true,
    );
  if (trustedHeader === undefined) return;
  const place = ['signIn', 'trustedHeader'];
  const seen = new Set<string>();
  for (const name of trustedHeaderNames(trustedHeader)) {
    const folded = foldHeaderName(name.toLowerCase());
    if (seen.has(folded)) complain([...place, 'headers'], `name ${name} twice; write a header of its own for each`);
    seen.add(folded);
  }
  if (trustedHeader.secretHeader !== undefined) return;
  for (const [index, network] of trustedHeader.from.entries())
    if (prefixOf(network) < 8)
      complain(
        [...place, 'from', index],
        'lets half the world say who it is; write the addresses of the proxy, or a secretHeader beside',
      );
}

/** What of them is allowed but unsafe. */
export function warnOfAmbient({ signIn: { trustedHeader } }: Config, warn: Complain): void {
  for (const [index, network] of (trustedHeader?.from ?? []).entries())
    if (prefixOf(network) < (isIPv6(network.split('/')[0] ?? '') ? 64 : 24))
      warn(
        ['signIn', 'trustedHeader', 'from', index],
        'is wide: every machine in it can sign in as anybody; name the addresses of the proxy alone',
      );
}

function prefixOf(network: string): number {
  const prefix = network.split('/')[1];
  return prefix === undefined ? 128 : Number(prefix);
}
