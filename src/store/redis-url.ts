import { isAbsolute } from 'node:path';
import { GatewayError } from '../errors.ts';

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** A `redis://` or `rediss://` URL, taken apart. */
export interface RedisAddress {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  readonly nodes: readonly RedisNode[];
  /** What the sentinels call the server; empty unless `kind` is `sentinel`. */
  readonly master: string;
  readonly tls: boolean;
  /** File with the certificates that vouch for the servers; null: the system's. */
  readonly caFile: string | null;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
  /** Stands in front of every key and channel. */
  readonly namespace: string;
  /** For messages: hosts and ports, no credentials. */
  readonly shown: string;
}

const options = ['cluster', 'sentinel', 'namespace', 'ca'];
const ports = { single: 6379, cluster: 6379, sentinel: 26379 } as const;

function invalid(what: string): GatewayError {
  return new GatewayError('config-invalid', `store.url ${what}`);
}

/**
 * Reads `redis[s]://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…][/DB][?cluster=true|sentinel=MASTER][&namespace=NAME][&ca=FILE]`.
 * Throws `config-invalid`; its message never holds the password.
 */
export function readRedisUrl(url: string): RedisAddress {
  // Not a URL to `new URL`: several hosts stand between commas.
  const match = /^(rediss?):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/.exec(url);
  const authority = match?.[2];
  if (!match || authority === undefined) throw invalid('is not a Redis URL; write redis://HOST:PORT');
  const tls = match[1] === 'rediss';
  const at = authority.lastIndexOf('@');
  const credentials = at === -1 ? null : authority.slice(0, at);
  const query = new URLSearchParams(match[4] ?? '');
  for (const key of query.keys()) {
    if (!options.includes(key)) throw invalid(`has an unknown option "${key}"; there are ${options.join(', ')}`);
  }
  const kind = readKind(query);
  const nodes = authority
    .slice(at + 1)
    .split(',')
    .map((text) => readNode(text, ports[kind]));
  if (kind === 'single' && nodes.length > 1) {
    throw invalid('names several hosts; add ?cluster=true or ?sentinel=MASTER');
  }
  const database = readDatabase(match[3] ?? '');
  if (kind === 'cluster' && database !== 0) throw invalid('names a database, which Redis Cluster does not have');
  const caFile = query.get('ca');
  if (caFile !== null && !tls) throw invalid('has ?ca= without TLS; write rediss://');
  if (caFile !== null && !isAbsolute(caFile)) throw invalid('has a ?ca= that is not an absolute path');
  const colon = credentials?.indexOf(':') ?? -1;
  const user = credentials === null ? '' : colon === -1 ? credentials : credentials.slice(0, colon);
  return {
    kind,
    nodes,
    master: query.get('sentinel') ?? '',
    tls,
    caFile,
    username: user === '' ? null : decode(user),
    password: credentials === null || colon === -1 ? null : decode(credentials.slice(colon + 1)),
    database,
    namespace: readNamespace(query.get('namespace') ?? 'sallyport'),
    shown: nodes.map(({ host, port }) => `${host}:${port}`).join(','),
  };
}

function readKind(query: URLSearchParams): RedisAddress['kind'] {
  const cluster = query.get('cluster');
  if (cluster !== null && cluster !== 'true' && cluster !== 'false') {
    throw invalid('has a ?cluster= that is neither true nor false');
  }
  if (!query.has('sentinel')) return cluster === 'true' ? 'cluster' : 'single';
  if (cluster === 'true') throw invalid('asks for Cluster and Sentinel at once; only one of them can be');
  if (query.get('sentinel') === '') throw invalid("lacks the master's name; write ?sentinel=MASTER");
  return 'sentinel';
}

function readNode(text: string, defaultPort: number): RedisNode {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) throw invalid('has a host that is not HOST:PORT');
  return { host, port };
}

function readDatabase(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw invalid('has a path that is not a database number; write redis://HOST:PORT/0');
  return Number(text);
}

/** No pattern characters: keys are found again by prefix. */
function readNamespace(text: string): string {
  if (!/^[A-Za-z0-9_.:-]{1,64}$/.test(text))
    throw invalid('has a ?namespace= with other signs than letters, digits, _ . : -');
  return text;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('has a user or password with a broken % escape; write % as %25');
  }
}
