import { systemClock, systemTimers } from '../../src/base/clock.ts';
import type { RespServer } from '../../src/publishing/resp-server.ts';
import { startRespServer } from '../../src/publishing/resp-server.ts';
import { describePublisher } from './publisher-contract.ts';

describePublisher('the embedded server', async () => {
  const start = (port: number): Promise<RespServer> =>
    startRespServer({ port, clock: systemClock, timers: systemTimers });
  const first = await start(0);
  const { port } = first;
  await first.close();
  let running: RespServer | undefined;
  return {
    port,
    start: async () => {
      running = await start(port);
    },
    stop: async () => {
      await running?.close();
      running = undefined;
    },
  };
});
