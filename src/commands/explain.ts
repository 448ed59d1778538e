import { isIP } from 'node:net';
import type { Command } from 'commander';
import type { Authenticated } from '../authentication/authenticator.ts';
import type { Config } from '../config/schema.ts';
import { GatewayError } from '../errors.ts';
import { createGate, readingsOf, strictness, type Decision, type Reading } from '../gate.ts';
import { explainRules, type PolicyExplanation } from '../policy/explain.ts';
import { createPolicy, type Policy, type PolicySubject } from '../policy/policy.ts';
import { compileRules, type Rule } from '../policy/rule.ts';
import type { ReadResult } from '../request/facts.ts';
import { createRequestReader } from '../request/read.ts';
import { compileRoutes } from '../route/compile.ts';
import { placeOf } from '../route/upstream/config.ts';
import type { OwnAnswer } from '../route/own-answer/config.ts';
import { createRouteTable, type ForwardingRoute, type Route, type RouteTable } from '../route/table.ts';
import { createOwnPaths } from '../server/own-paths.ts';
import { loadForCommand } from './configuration.ts';
import { action, type CommandContext, type ExitCode } from './context.ts';
import { findVisitor, type VisitorOptions } from './explain-visitor.ts';

interface ExplainOptions extends VisitorOptions {
  readonly config?: string;
  readonly from: string;
}

/** `sallyport explain`: what the gateway would say to a request and why, without sending one. */
export function registerExplainCommand(program: Command, context: CommandContext): void {
  program
    .command('explain')
    .summary('tell which route and which rule would decide about a request')
    .description(
      'Tells which route and which rule would decide about a request, rule by rule, and the answer.\n' +
        'Nothing is sent anywhere. Quote the URL, and write it as it goes over the wire.',
    )
    .argument('<method>', 'GET, POST, …')
    .argument('<url>', 'https://wiki.example.com/page, or a path alone on the host of server.publicUrl')
    .option(
      '-c, --config <file>',
      'the configuration (default: $SALLYPORT_CONFIG, ./config/sallyport.yaml, /etc/sallyport)',
    )
    .option('--user <name>', 'signed in as this local user (default: nobody is signed in)')
    .option(
      '--method <id>',
      'with --user: signed in by this method instead (ldap, a provider), with the groups told here',
    )
    .option(
      '--group <name>',
      'with --method: a group; may stand several times',
      (name: string, before: string[] = []) => [...before, name],
    )
    .option('--email <address>', 'with --method: the e-mail address')
    .option('--from <ip>', 'address of the visitor', '127.0.0.1')
    .option('--second-factor', 'signed in with a second factor')
    .action(
      action(context, (method: string, url: string, options: ExplainOptions) => explain(context, method, url, options)),
    );
}

async function explain(
  context: CommandContext,
  method: string,
  url: string,
  options: ExplainOptions,
): Promise<ExitCode> {
  const loaded = loadForCommand(context, options.config);
  if (loaded === null) return 2;
  const { config } = loaded;
  const result = readUrl(method, url, options.from, config, context);
  const say = (name: string, text: string): void => context.stdout.write(`${name.padEnd(8)}${text}\n`);
  if (result.kind === 'unreadable') {
    say('answer', `${result.unreadable.status} ${result.unreadable.reason}: refused before any route is looked for`);
    return 0;
  }
  const { facts } = result;
  const visitor = await findVisitor(context, config, options);
  if (visitor === 'faulty') return 2;
  say('request', `${method} ${facts.origin}${facts.rawPath}${facts.rawQuery} from ${facts.clientAddress}`);
  say('visitor', describeVisitor(visitor));
  if (createOwnPaths(config.server.authPath)(facts)) {
    say('answer', `one of our own pages, under server.authPath (${config.server.authPath})`);
    return 0;
  }

  const rulesOf = new Map<Policy, readonly Rule[]>();
  const routes = createTable(config, rulesOf);
  const gate = createGate({ routes, authenticate: () => visitor ?? { kind: 'none' }, now: context.now });
  const decision = await gate(facts);
  const route = routes.find(facts.host, facts.path);
  say('route', route === null ? 'none fits' : describeRoute(route, config));
  if (route !== null && decision.kind !== 'refuse')
    for (const line of explainReadings(readingsOf(facts, route, routes, context.now()), rulesOf, visitor))
      context.stdout.write(`${line}\n`);
  say('answer', describeDecision(decision));
  return 0;
}

/** The same reader as on the wire, given the request that a visitor without a proxy would send. */
function readUrl(method: string, url: string, from: string, config: Config, context: CommandContext): ReadResult {
  const [, origin = config.server.publicUrl, target = '/'] = /^(https?:\/\/[^/?#]*)?([^]*)$/i.exec(url) ?? [];
  if (target !== '' && !/^[/?]/.test(target))
    throw new GatewayError('usage-invalid', `could not read "${url}" as a URL; write https://HOST/PATH or /PATH`);
  if (isIP(from) === 0) throw new GatewayError('usage-invalid', `could not read "${from}" as an address`);
  const read = createRequestReader({
    trustedProxies: [],
    publicUrl: origin.toLowerCase(),
    sessionCookieName: '-',
    nextRequestId: () => '-',
    now: context.now,
  });
  const bytes = Buffer.from(target.startsWith('/') ? target : `/${target}`, 'utf8').toString('latin1');
  return read({
    httpVersion: '1.1',
    method,
    url: bytes,
    rawHeaders: ['Host', origin.replace(/^https?:\/\//i, '')],
    socket: { remoteAddress: from, localAddress: from, destroyed: false },
  });
}

/** The table that the gateway would have, with the rules of each policy kept for explaining. */
function createTable(config: Config, rulesOf: Map<Policy, readonly Rule[]>): RouteTable {
  return createRouteTable(
    compileRoutes(config.routes, {
      policyOf: ({ access }) => {
        const rules = compileRules(access);
        const policy = createPolicy(rules);
        rulesOf.set(policy, rules);
        return policy;
      },
      headersOf: () => ({ names: [], write: () => [], writeAll: () => [] }),
      basicAuthOf: () => null,
    }),
  );
}

/** The plain reading's rules, and those of every other reading that is judged more strictly. */
function explainReadings(
  readings: readonly Reading[],
  rulesOf: ReadonlyMap<Policy, readonly Rule[]>,
  subject: PolicySubject | null,
): readonly string[] {
  const told = readings.map(({ policy, question }) => ({
    question,
    explanation: policy === null ? null : explainRules(rulesOf.get(policy) ?? [], question, subject),
  }));
  const strictnessOf = (explanation: PolicyExplanation | null): number =>
    strictness[explanation === null ? 'no-route' : explanation.verdict.kind];
  const plain = strictnessOf(told[0]?.explanation ?? null);
  return told.flatMap(({ question, explanation }, index) => {
    if (index > 0 && strictnessOf(explanation) <= plain) return [];
    const kind = question.ignoreCase ? ' without regard to case' : '';
    const title = index === 0 ? [] : [`judged also as ${question.path}${kind}, since an upstream may read it so:`];
    return [...title, ...(explanation === null ? ['     =>    no route fits'] : ruleLines(explanation))];
  });
}

function ruleLines({ rules, verdict }: PolicyExplanation): readonly string[] {
  const lines = rules.map(({ rule, text, outcome, because }) => {
    const mark = { decides: '=>', misses: '  ', unreached: '  ' }[outcome];
    const fate = { decides: `decides: ${because}`, misses: `does not fit: ${because}`, unreached: 'not reached' }[
      outcome
    ];
    return `rule ${mark} ${rule}  ${text}\n             ${fate}`;
  });
  return verdict.rule === null ? [...lines, '     =>    no rule fits, which denies'] : lines;
}

function describeVisitor(visitor: Authenticated | null): string {
  if (visitor === null) return 'not signed in';
  const { user, groups } = visitor.identity;
  return `${user} (${groups.length === 0 ? 'no groups' : `groups ${groups.join(', ')}`})`;
}

function describeRoute(route: Route, config: Config): string {
  const { id, host, path } = route;
  const index = config.routes.findIndex((entry) => entry.id === id);
  const target = route.answer === null ? describeUpstream(route) : describeOwnAnswer(route.answer);
  return `${id} (routes[${index}]): ${host ?? 'every host'}${path === '/' ? '' : ` ${path}`} -> ${target}`;
}

function describeUpstream({ upstream, path, upstreamPath }: ForwardingRoute): string {
  const target = upstream.targets.map(placeOf).join(', ');
  return upstreamPath === null ? target : `${target}, ${path} as ${upstreamPath}`;
}

function describeOwnAnswer(answer: OwnAnswer): string {
  if (answer.kind === 'respond') return `an answer of its own, ${answer.status}`;
  return `a redirect, ${answer.status}, to ${answer.to}${answer.keepPath ? ' and what stands behind' : ''}`;
}

function describeDecision(decision: Decision): string {
  switch (decision.kind) {
    case 'forward':
      if (decision.route.answer !== null)
        return `${decision.route.answer.status} from the route itself (${decision.reason})`;
      return decision.visitor === null
        ? `forwarded without an identity (${decision.reason})`
        : `forwarded as ${decision.visitor.identity.user} (${decision.reason})`;
    case 'challenge':
      return `sign-in page for a browser, 401 for a program (${decision.reason})`;
    case 'step-up':
      return `led to the step that is missing, 401 for a program (${decision.reason})`;
    case 'deny':
      return `403 (${decision.reason})`;
    case 'no-route':
      return `404 (${decision.reason})`;
    case 'refuse':
      return `${decision.status} (${decision.reason})${decision.reason === 'encoded-slash' ? ': the route does not say encodedSlashes: true' : ''}`;
  }
}
