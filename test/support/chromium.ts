import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser, BrowserContext } from 'playwright-core';
import { findProgram } from './programs.ts';

const executablePath = findProgram('chromium', 'chromium-browser', 'google-chrome');

export const hasChromium = executablePath !== null;

// Quiet: no calls home, no QUIC, and no sandbox, which needs rights that containers don't have.
const args = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
];

function options(hostRules: string | undefined) {
  return {
    executablePath: executablePath ?? '',
    args: hostRules === undefined ? args : [...args, `--host-resolver-rules=${hostRules}`],
    headless: true,
  };
}

/** One browser for a file of stories; each story takes a fresh context of it. */
export function launchChromium(hostRules?: string): Promise<Browser> {
  return chromium.launch(options(hostRules));
}

export interface Profile {
  /** Starts the browser on this profile's folder, as a person does in the morning. */
  readonly open: () => Promise<BrowserContext>;
  readonly remove: () => Promise<void>;
}

/** A profile folder that outlives the browser: what is kept in it survives a restart. */
export async function createProfile(): Promise<Profile> {
  const folder = await mkdtemp(join(tmpdir(), 'sallyport-profile-'));
  return {
    open: () => chromium.launchPersistentContext(folder, options(undefined)),
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}
