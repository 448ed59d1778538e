import { openClient } from '../client.ts';
import { ask } from '../http.ts';
import { quantile } from '../measure.ts';
import { startUpstream } from '../peers/proxies.ts';
import { judge, type Row } from '../row.ts';
import { startSallyport, signer, type Sallyport } from '../sallyport.ts';

const atOnce = 20;

/** Whether people who sign in stand in the way of those who are in. */
export const signInsRow: Row = {
  id: 'sign-ins',
  title: 'Sign-ins under way',
  limitSeconds: 90,
  run: async (bench) => {
    const upstream = bench.keep(await startUpstream(bench.directory));
    const gateway = await startSallyport(bench.directory, {
      name: 'Sallyport',
      upstreamPort: upstream.port,
      sessions: 100,
    });
    bench.keep(gateway.target);
    const client = await openClient(gateway.target.port, `${gateway.cookieName}=${gateway.tokens[1] ?? ''}`);
    const probe = async (until: () => boolean): Promise<readonly number[]> => {
      const times: number[] = [];
      while (!until()) {
        const { status, ms } = await client.ask();
        if (status !== 200) throw new Error(`a proxied request was answered ${status}`);
        times.push(ms);
      }
      return times;
    };
    const lasts = bench.seconds * 2_000;
    const quietEnds = performance.now() + lasts / 2;
    const quiet = await probe(() => performance.now() > quietEnds);
    let isOver = false;
    let signedIn = 0;
    const busy = Array.from({ length: atOnce }, async () => {
      while (!isOver) {
        const status = await signInOnce(gateway);
        if (status === 303 || status === 302) signedIn += 1;
      }
    });
    const busyEnds = performance.now() + lasts;
    const stalled = await probe(() => performance.now() > busyEnds);
    isOver = true;
    await Promise.all(busy);
    client.close();
    const p99 = quantile(stalled, 0.99);
    return {
      findings: [
        {
          what: `p99 of proxied requests with ${atOnce} argon2 sign-ins in flight`,
          measured: `${p99.toFixed(1)} ms`,
          must: '< 100 ms',
          met: judge(p99, { must: 100, better: 'less' }),
        },
      ],
      tables: [
        {
          header: ['', 'requests', 'p50', 'p99', 'longest'],
          lines: (
            [
              ['nobody signs in', quiet],
              [`${atOnce} sign in at a time, again and again`, stalled],
            ] as const
          ).map(([name, times]) => [
            name,
            `${times.length}`,
            `${quantile(times, 0.5).toFixed(2)} ms`,
            `${quantile(times, 0.99).toFixed(2)} ms`,
            `${quantile(times, 1).toFixed(2)} ms`,
          ]),
        },
      ],
      plots: [],
      notes: [`${signedIn} sign-ins succeeded meanwhile; argon2id, 19 MiB, two passes, a new session each.`],
    };
  },
};

/** The form as a browser sends it: page, hidden fields, cookie. */
async function signInOnce({ target }: Sallyport): Promise<number> {
  const headers = { Host: 'app.test', Accept: 'text/html', Connection: 'close' };
  const page = await ask(target.port, 'GET', '/_auth/sign-in', headers);
  const fields = new URLSearchParams({ username: signer.user, password: signer.password });
  for (const [input] of page.body.matchAll(/<input\b[^>]*type="?hidden"?[^>]*>/gi)) {
    const name = /\bname="?([^"\s>]+)/.exec(input)?.[1];
    if (name !== undefined) fields.set(name, /\bvalue="([^"]*)"/.exec(input)?.[1] ?? '');
  }
  const body = fields.toString();
  const answer = await ask(
    target.port,
    'POST',
    '/_auth/sign-in',
    {
      ...headers,
      Origin: 'http://app.test',
      'Sec-Fetch-Site': 'same-origin',
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': `${Buffer.byteLength(body)}`,
      Cookie: page.cookies.join('; '),
    },
    body,
  );
  return answer.status;
}
