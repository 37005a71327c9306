/** A process under the loop watchdog that blocks its loop: for ever, or for a while and again, as its argument says. */
import { systemTimers } from '../../src/base/clock.ts';
import { startLoopWatchdog } from '../../src/cli/loop-watchdog.ts';

const [, , what = '', blockedMaxText = ''] = process.argv;
const watchdog = startLoopWatchdog({
  blockedMaxMs: Number.parseInt(blockedMaxText, 10),
  timers: systemTimers,
});

function block(durationMs: number): void {
  const endMs = performance.now() + durationMs;
  while (performance.now() < endMs);
}

// The thread needs a moment to begin.
await systemTimers.sleep(1_000);
process.stdout.write('ready\n');
if (what === 'for-ever') block(Infinity);
for (let round = 0; round < 5; round++) {
  block(200);
  await systemTimers.sleep(0);
}
if (what === 'pause') await systemTimers.sleep(3_000);
watchdog.stop();
process.stdout.write('done\n');
