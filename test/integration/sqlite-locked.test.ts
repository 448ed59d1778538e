import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'ava';
import { spawnTestGateway } from '../support/gateway.ts';
import { hashOf } from '../support/passwords.ts';
import { startStoryApp } from '../support/story-app.ts';
import { createVisitor, sendTo } from '../support/visitor.ts';

// Another program (a backup, say) that holds the database for longer than anybody waits.
const password = 'correct horse battery staple';

test('G143 store-down: goes on for the public and for who is signed in while another program locks the database', async (t) => {
  t.timeout(100_000);
  const app = await startStoryApp();
  t.teardown(app.stop);
  const gateway = await spawnTestGateway({
    config: {
      store: { url: 'sqlite:./sallyport.db' },
      routes: [
        { id: 'app', path: '/', upstream: app.origin },
        { id: 'public', path: '/public', upstream: app.origin, access: 'public' },
      ],
    },
    users: JSON.stringify({ users: { alice: { password: await hashOf(password) } } }),
  });
  t.teardown(gateway.stop);
  const alice = createVisitor(gateway.port);
  await alice.signIn('alice', password);

  const other = new DatabaseSync(join(gateway.directory, 'sallyport.db'));
  t.teardown(async () => other.close());
  other.exec('begin immediate');
  const late = createVisitor(gateway.port);
  const signingIn = late.signIn('alice', password);
  for (let count = 0; count < 5; count += 1) {
    const started = Date.now();
    t.is((await sendTo(gateway.port, '/public/x')).status, 200);
    t.is((await alice.navigate('/private/x')).status, 200);
    t.true(Date.now() - started < 10_000, 'nobody waits for the lock of another');
  }
  const refused = await signingIn;
  t.is(refused.status, 503, 'who can not be signed in is told so');
  t.is(late.token(), null);
  other.exec('rollback');
  t.is((await createVisitor(gateway.port).signIn('alice', password)).status, 303);
  t.is((await alice.navigate('/private/x')).status, 200);
});
