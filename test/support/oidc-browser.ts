import { createVisitor, type Reply, type Visitor } from './visitor.ts';

/** A browser between a gateway at a public address and providers on loopback: keeps the cookies of each apart. */
export interface OidcBrowser {
  readonly gateway: Visitor;
  /** Opens an address of anybody and follows redirects until a page comes, or `stopAt` says so. */
  readonly open: (address: string, stopAt?: (next: URL) => boolean) => Promise<Visited>;
  /** Every address that was asked for, in order. */
  readonly visited: string[];
  readonly providerCookies: (port: number) => Visitor;
}

export interface Visited {
  readonly url: URL;
  readonly reply: Reply;
  /** Where it would have gone on to. */
  readonly next: URL | null;
}

export interface OidcBrowserOptions {
  readonly gatewayPort: number;
  readonly publicUrl: string;
}

export function createOidcBrowser({ gatewayPort, publicUrl }: OidcBrowserOptions): OidcBrowser {
  const home = new URL(publicUrl);
  const gateway = createVisitor(gatewayPort, {
    host: home.host,
    scheme: home.protocol === 'https:' ? 'https' : 'http',
  });
  const providers = new Map<number, Visitor>();
  const visited: string[] = [];
  const providerCookies = (port: number): Visitor => {
    const known = providers.get(port) ?? createVisitor(port);
    providers.set(port, known);
    return known;
  };
  return {
    gateway,
    visited,
    providerCookies,
    open: async (address, stopAt) => {
      let url = new URL(address, publicUrl);
      for (let hop = 0; hop < 20; hop += 1) {
        visited.push(url.href);
        const visitor = url.origin === home.origin ? gateway : providerCookies(Number(url.port));
        const reply = await visitor.navigate(url.pathname + url.search);
        const next = reply.location === null ? null : new URL(reply.location, url);
        if (next === null || stopAt?.(next) === true) return { url, reply, next };
        url = next;
      }
      throw new Error(`went in circles: ${visited.slice(-6).join(' → ')}`);
    },
  };
}
