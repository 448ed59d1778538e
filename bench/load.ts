import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface LoadResult {
  readonly requests: number;
  readonly errors: number;
  readonly requestsPerSecond: number;
}

/** Headers that a browser sends, and the app's own five cookies. */
export const browserHeaders = {
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br, zstd',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.7',
  'Cache-Control': 'no-cache',
  Pragma: 'no-cache',
  'Sec-Ch-Ua': '"Chromium";v="140", "Not=A?Brand";v="24"',
  'Sec-Ch-Ua-Mobile': '?0',
  'Sec-Fetch-Dest': 'empty',
  'Sec-Fetch-Mode': 'cors',
  'Sec-Fetch-Site': 'same-origin',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
  Referer: 'http://app.test/',
} as const;
export const appCookies =
  'theme=dark; _ga=GA1.1.123456789.1700000000; lang=en; csrftoken=abcdefghijklmnopqrstuvwxyz012345; last=42';

export interface LoadScript {
  readonly cookieName: string;
  readonly tokens: readonly string[];
  /** `zipf`: a few people cause most requests. `in-turn`: everybody once, then everybody again. */
  readonly order?: 'zipf' | 'in-turn';
}

let scripts = 0;

/** Writes a wrk script that draws our session cookies, and gives its path. */
export function writeLoadScript(directory: string, { cookieName, tokens, order = 'zipf' }: LoadScript): string {
  const name = `load-${(scripts += 1)}`;
  const script = join(directory, `${name}.lua`);
  const headers = Object.entries(browserHeaders).map(([header, value]) => `  ["${header}"] = '${value}',`);
  writeFileSync(join(directory, `${name}.txt`), tokens.join('\n'));
  const draw = `  local point, low, high = math.random() * total, 1, #weights
  while low < high do
    local middle = math.floor((low + high) / 2)
    if weights[middle] < point then low = middle + 1 else high = middle end
  end
  return requests[low]`;
  writeFileSync(
    script,
    `local base = {\n  ["Host"] = "app.test",\n${headers.join('\n')}\n}
local requests = {}
local weights, total, turn = {}, 0, 0
init = function()
  local rank = 0
  for token in io.lines("${join(directory, `${name}.txt`)}") do
    rank = rank + 1
    base["Cookie"] = "${appCookies}; ${cookieName}=" .. token
    requests[rank] = wrk.format("GET", "/wiki/page?id=7", base)
    total = total + 1 / rank
    weights[rank] = total
  end
  math.randomseed(7)
end
request = function()
${order === 'zipf' ? draw : '  turn = turn % #requests + 1\n  return requests[turn]'}
end
done = function(summary)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d\\n", summary.requests, e.connect + e.read + e.write + e.status + e.timeout, summary.duration))
end
`,
  );
  return script;
}

/** One round of wrk: 64 keep-alive connections. */
export async function load(port: number, script: string, seconds: number): Promise<LoadResult> {
  const { stdout } = await run('wrk', ['-t1', '-c64', `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}/`], {
    timeout: seconds * 1_000 + 20_000,
  });
  const match = /RESULT (\d+) (\d+) (\d+)/.exec(stdout);
  if (match === null) throw new Error(`wrk said: ${stdout}`);
  const [, requests = 0, errors = 0, micros = 1] = match.map(Number);
  return { requests, errors, requestsPerSecond: (requests * 1e6) / micros };
}
