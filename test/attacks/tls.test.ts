import test from 'ava';
import { hasOpenssl } from '../support/certificates.ts';

// The same bytes inside TLS.
if (hasOpenssl)
  for (const file of ['b-framing', 'm-websockets', 'q-upstream-answers'])
    await import(new URL(`./${file}.test.ts?setting=tls`, import.meta.url).href);
else test.skip('attacks over TLS: there is no openssl', (t) => t.pass());
