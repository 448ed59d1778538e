import test from 'ava';
import { createGrounds, declareAttacks, loadAttacks } from '../support/attack-runner.ts';
import { hasOpenssl } from '../support/certificates.ts';

// What of the attacks can be said in HTTP/2, WebSockets by RFC 8441 among it.
const grounds = createGrounds('http2');
test.after.always(() => grounds.stop());

if (hasOpenssl) for (const group of ['b', 'm', 'o']) declareAttacks(await loadAttacks(group), { grounds });
else test.skip('attacks over HTTP/2: there is no openssl', (t) => t.pass());
