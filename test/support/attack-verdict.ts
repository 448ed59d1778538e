import { valuesOf, type RawAnswer, type RawConversation } from './raw.ts';
import type { AttackCase, Door, Expectation } from './attack.ts';
import type { RecordedRequest, UpstreamMark } from './upstream.ts';
import { remoteHeadersOf } from './users.ts';

/** Everything that is wrong with what came of a case, in words; empty when all is well. */
export function faultsOf(
  attack: AttackCase,
  door: Door,
  conversation: RawConversation,
  seen: UpstreamMark,
  secrets: readonly string[],
): string[] {
  const { expect } = attack;
  return [
    ...answerFaults(expect, door, conversation),
    ...upstreamFaults(expect, conversation.answers[0]?.status ?? 0, seen),
    ...alwaysFaults(attack, seen, secrets),
  ];
}

function answerFaults(expect: Expectation, door: Door, conversation: RawConversation): string[] {
  const { answers, closed, broken, tunnel } = conversation;
  const answer = answers[0];
  if (!answer && expect.orSilent && closed && tunnel.length === 0) return [];
  if (!answer) return [`no readable answer (${broken ?? 'nothing came'})`];
  const faults: string[] = [];
  const statuses = typeof expect.status === 'number' ? [expect.status] : expect.status;
  const wanted = door === 'upgrade' ? statuses.map((status) => (status === 200 ? 101 : status)) : statuses;
  if (!wanted.includes(answer.status)) faults.push(`answered ${answer.statusLine}, expected ${wanted.join(' or ')}`);
  if (expect.closed && !closed) faults.push('left the connection open');
  if (expect.interim !== undefined && String(expect.interim) !== String(answer.interim)) {
    faults.push(`sent the interim answers ${JSON.stringify(answer.interim)}`);
  }
  if (answer.status !== 101 && tunnel.length > 0) {
    faults.push(`sent more than one answer: ${JSON.stringify(tunnel.toString('latin1').slice(0, 200))}`);
  }
  for (const [name, value] of Object.entries(expect.answer ?? {})) faults.push(...headerFaults(answer, name, value));
  const text = `${answer.statusLine} ${JSON.stringify(answer.headers)} ${answer.body.toString('latin1')}`;
  for (const word of expect.answerLacks ?? []) if (text.includes(word)) faults.push(`the answer holds ${word}`);
  return faults;
}

function headerFaults(answer: RawAnswer, name: string, wanted: string | RegExp | null): string[] {
  const values = valuesOf(answer, name);
  if (wanted === null) return values.length === 0 ? [] : [`the answer has ${name}: ${values.join(' | ')}`];
  const fits = values.some((value) => (typeof wanted === 'string' ? value === wanted : wanted.test(value)));
  return fits ? [] : [`the answer's ${name} is ${JSON.stringify(values)}, expected ${String(wanted)}`];
}

function upstreamFaults({ upstream }: Expectation, status: number, seen: UpstreamMark): string[] {
  const requests = seen.requests();
  // The upstream answers 200 to everything, so another status is the gateway's own: then nothing may have passed.
  const wanted = upstream === 'anything' && status !== 200 && status !== 101 ? 'nothing' : upstream;
  if (wanted === 'anything') return requests.length === 1 ? [] : ['the upstream saw no request'];
  if (wanted === 'no-request') return requests.length === 0 ? [] : ['the upstream saw a whole request'];
  if (wanted === 'nothing') {
    return seen.bytes() === 0
      ? []
      : [`the upstream saw ${JSON.stringify(seen.raw().toString('latin1').slice(0, 300))}`];
  }
  const request = requests[0];
  if (!request) return ['the upstream saw no request'];
  const faults: string[] = [];
  const compare = (what: string, got: unknown, expected: unknown) => {
    if (JSON.stringify(got) !== JSON.stringify(expected)) {
      faults.push(`the upstream got ${what} ${JSON.stringify(got)}, expected ${JSON.stringify(expected)}`);
    }
  };
  if (wanted.target !== undefined) compare('target', request.target, wanted.target);
  if (wanted.method !== undefined) compare('method', request.method, wanted.method);
  if (wanted.body !== undefined) compare('body', request.body.toString('latin1'), wanted.body);
  for (const [name, value] of Object.entries(wanted.headers ?? {})) {
    compare(name, valuesOf(request, name), typeof value === 'string' ? [value] : value);
  }
  return faults;
}

/** What holds of every request, whatever it tries. */
function alwaysFaults(attack: AttackCase, seen: UpstreamMark, secrets: readonly string[]): string[] {
  const faults = seen.faults().map((why) => `the upstream could not read what it got: ${why}`);
  if (seen.requests().length > 1) faults.push(`the upstream saw ${String(seen.requests().length)} requests for one`);
  const raw = seen.raw().toString('latin1');
  for (const secret of secrets) if (raw.includes(secret)) faults.push('the session token reached the upstream');
  if (!attack.evilMayPass && /evil/i.test(raw))
    faults.push(`what must not arrive arrived: ${JSON.stringify(raw.slice(0, 600))}`);
  for (const request of seen.requests()) {
    faults.push(...identityFaults(attack, request), ...hopFaults(request), ...targetFaults(attack, request));
  }
  return faults;
}

/** What is accepted is forwarded byte for byte, unless the case says what else must arrive. */
function targetFaults({ expect, raw, target }: AttackCase, request: RecordedRequest): string[] {
  const elsewhere = typeof expect.upstream === 'object' && expect.upstream.target !== undefined;
  if (elsewhere || raw !== undefined || request.target === target) return [];
  return [`the upstream got target ${JSON.stringify(request.target)} for ${JSON.stringify(target)}`];
}

/** The upstream's `Connection` is the gateway's own business: nothing of the visitor's list is in it. */
function hopFaults(request: RecordedRequest): string[] {
  const options = valuesOf(request, 'connection').flatMap((value) => value.toLowerCase().split(','));
  const foreign = options
    .map((option) => option.trim())
    .filter((option) => !/^(keep-alive|close|upgrade)$/.test(option));
  return foreign.length === 0 ? [] : [`the upstream got Connection: ${foreign.join(', ')}`];
}

/** Identity headers are the user's own, each once, or nobody's. */
function identityFaults(attack: AttackCase, request: RecordedRequest): string[] {
  const own = attack.identity ?? (attack.as === undefined ? {} : remoteHeadersOf(attack.as));
  const faults: string[] = [];
  const counts = new Map<string, number>();
  for (const [name, value] of request.headers) {
    const folded = name.toLowerCase().replace(/[._]/g, '-');
    if (
      !/^(remote-(user|name|email|groups)|sallyport-.*|x-auth-request-.*|x-forwarded-(user|email|groups|preferred-username))$/.test(
        folded,
      )
    ) {
      continue;
    }
    counts.set(folded, (counts.get(folded) ?? 0) + 1);
    // Of a route's own set the case names those that matter; the others are the gateway's as well.
    if (attack.identity !== undefined && own[folded] === undefined && !/evil/i.test(value)) continue;
    if (own[folded] !== value || name.toLowerCase() !== folded) faults.push(`the upstream got ${name}: ${value}`);
  }
  for (const [name, count] of counts) if (count > 1) faults.push(`the upstream got ${name} ${String(count)} times`);
  return faults;
}
