import type { Browser } from 'playwright-core';

export function provideChromium(): {
  readonly url: string;
  readonly version: string;
  readonly stop: () => void;
};
export function chromiumVersion(program: string): string;
export function launchChromium(program: string): Promise<Browser>;
